// A real OpenID provider for the tests of trusts, and what they have in common.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';

import { consoleTest } from './kit.mjs';

export const AUDIENCE = 'urn:muster:scim';
export const CLIENT = 'identity-sync';
const SECRET = 'a-secret-for-this-example-only';

let provider;
export let issuer;

before(async () => {
  const file = new URL('../../examples/jwt-scim/provider.mjs', import.meta.url).pathname;
  provider = spawn(process.execPath, [file, '0'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const [line] = await once(createInterface({ input: provider.stdout }), 'line');
  ({ issuer } = JSON.parse(line));
});

after(async () => {
  const ended = once(provider, 'exit');
  // It ends with its input.
  provider.stdin.end();
  await ended;
});

export async function newToken(client = CLIENT) {
  const form = { grant_type: 'client_credentials', client_id: client, client_secret: SECRET };
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(form) });
  assert.ok(answer.ok, await answer.clone().text());
  return (await answer.json()).access_token;
}

/** Names of a test's own: with a development server the account is shared. */
export function own(name) {
  return `${name}_${Date.now().toString(36)}`;
}

export async function newServiceAccount(api) {
  const name = own('Sync');
  await api.platform('/ng/api/serviceaccount', 'POST', { identifier: name, name });
  return name;
}

// Another trust near by would have the refusals: with a development server the account is shared.
export const made = [];

export function trustTest(name, body, options) {
  consoleTest(name, async (given) => {
    try {
      await body(given);
    } finally {
      for (const identifier of made.splice(0)) await given.api.platform(`/ng/api/jwt-trusts/${encodeURIComponent(identifier)}`, 'DELETE').catch(() => {});
    }
  }, options);
}

/** A trust of the provider's tokens; `more` says what is otherwise. */
export async function newTrust(api, more = {}) {
  const identifier = more.identifier ?? own('trust');
  made.push(identifier);
  const rules = [{ claim: 'client_id', op: 'equals', value: CLIENT }];
  const trust = { identifier, name: identifier, jwks: { url: `${issuer}/jwks` }, issuer, audiences: [AUDIENCE], rules, ...more };
  await api.platform('/ng/api/jwt-trusts', 'POST', { serviceAccount: await newServiceAccount(api), ...trust });
  return identifier;
}
