/** The API reference: a page of its own, which shares nothing with the console, so that neither waits for the other's scripts. */
import 'swagger-ui-dist/swagger-ui.css';
import './reference.css';

import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';

// As api.ts has it.
const SERVER = new URL('..', location.href).href.replace(/\/$/, '');

/** The document with its servers as this page reaches them: below what a proxy puts before it, too. */
async function load(): Promise<unknown> {
  const response = await fetch(`${SERVER}/openapi.json`, { credentials: 'omit' });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return JSON.parse(await response.text(), (name, value: unknown) =>
    name === 'servers' && Array.isArray(value) ? value.map(({ url }: { url: string }) => ({ url: SERVER + url.replace(/\/$/, '') })) : value,
  );
}

function follow(scheme: MediaQueryList): void {
  const put = () => document.documentElement.classList.toggle('dark-mode', scheme.matches);
  put();
  scheme.addEventListener('change', put);
}

async function show(place: HTMLElement): Promise<void> {
  try {
    SwaggerUI({
      domNode: place,
      spec: await load(),
      docExpansion: 'list',
      defaultModelsExpandDepth: 0,
      deepLinking: true,
      filter: true,
      displayRequestDuration: true,
      // A token is for this page, not for whoever opens it next.
      persistAuthorization: false,
      // Otherwise the document is sent to somebody else to be judged.
      validatorUrl: null,
      onComplete: () => place.removeAttribute('aria-busy'),
    });
  } catch (error) {
    place.removeAttribute('aria-busy');
    place.setAttribute('role', 'alert');
    place.textContent = `The API document could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
  }
}

follow(matchMedia('(prefers-color-scheme: dark)'));
const place = document.getElementById('reference');
if (place) void show(place);
