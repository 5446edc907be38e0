// The console behind a proxy that has it below a prefix of its own, which the server does not know of.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { test } from 'node:test';

import { ACCOUNT, consoleTest } from './kit.mjs';
import { tryWhoami } from './swagger.mjs';

const PREFIX = '/muster';

/** Takes the prefix off and passes the rest on, as nginx does by `proxy_pass http://server/`; all else is nobody's. */
async function startProxy(base) {
  const astray = [];
  const proxy = createServer((asked, answer) => {
    if (!asked.url.startsWith(`${PREFIX}/`)) {
      astray.push(asked.url);
      answer.writeHead(404).end('Not of this host.');
      return;
    }
    const { method } = asked;
    const headers = { ...asked.headers, 'x-forwarded-for': asked.socket.remoteAddress, 'x-forwarded-proto': 'http' };
    const passed = request(base + asked.url.slice(PREFIX.length), { method, headers }, (given) => {
      answer.writeHead(given.statusCode, given.headers);
      given.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  });
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
  const stop = () => {
    proxy.closeAllConnections();
    proxy.close();
  };
  return { origin: `http://127.0.0.1:${proxy.address().port}`, astray, stop };
}

function proxyTest(name, body, options) {
  // A development server has the console at the root only.
  if (process.env.BASE) return test(name, { skip: 'of a built console' });
  consoleTest(name, async (given) => {
    const proxy = await startProxy(given.base);
    try {
      await body({ ...given, ...proxy });
      assert.deepEqual(proxy.astray, []);
    } finally {
      proxy.stop();
    }
  }, options);
}

proxyTest('below a prefix one is led to the console, signs in and works', async ({ page, origin, token, api }) => {
  for (const door of ['/', '/console']) {
    await page.goto(`${origin}${PREFIX}${door}`);
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    assert.equal(page.url(), `${origin}${PREFIX}/console/`);
  }
  await page.getByLabel('Token').first().fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  assert.equal(await page.getByLabel('SCIM base URL').first().inputValue(), `${origin}${PREFIX}/scim/v2/${ACCOUNT}`);
  await page.getByRole('link', { name: 'Users' }).first().click();
  await page.getByRole('button', { name: 'New user' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('User name').fill('proxied@example.com');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'hidden' });
  const { totalResults } = await api.scim('/Users?filter=userName%20eq%20%22proxied@example.com%22');
  assert.equal(totalResults, 1);
  await page.reload();
  await page.getByRole('heading', { level: 1 }).waitFor();
}, { signedIn: false });

proxyTest('below a prefix the API reference tries calls out where the console is', async ({ page, origin, token }) => {
  await page.goto(`${origin}${PREFIX}/console/api.html`);
  await page.locator('.opblock').first().waitFor();
  await tryWhoami(page, token);
});
