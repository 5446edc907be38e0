// A test of the console: a real server with a new account, a real browser that is signed in to it.
// CHROMIUM: the browser; PROGRAM: the server's program. With BASE (of a development server) and TOKEN that one is used.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PROGRAM = process.env.PROGRAM ?? new URL('../../target/debug/muster', import.meta.url).pathname;
// What a browser would ask the net for by itself is off.
const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP muster.test 127.0.0.1'];

let browser;
after(() => browser?.close());

/** The same server by a name that no browser takes for its own machine: there the page is one of plain HTTP. */
export function afar(base) {
  return base.replace('127.0.0.1', 'muster.test');
}

/** The account that every test has for itself, on a server of its own. */
export const ACCOUNT = 'acme';

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

async function startServer() {
  if (process.env.BASE) return { base: process.env.BASE, token: process.env.TOKEN, stop: () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'muster-console-'));
  const data = ['--data-dir', join(folder, 'data')];
  const made = execFileSync(PROGRAM, ['bootstrap', ...data, '--account', ACCOUNT, '--email', 'ada@example.com', '--name', 'Ada Admin', '--json']);
  const port = await freePort();
  const listen = ['--listen', `127.0.0.1:${port}`, '--jwks-allow', '127.0.0.1', '--webhook-allow', '127.0.0.1'];
  const server = spawn(PROGRAM, ['serve', ...data, ...listen], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  server.stderr.on('data', (text) => (log += text));
  const base = `http://127.0.0.1:${port}`;
  for (let left = 300; ; left -= 1) {
    const ready = await fetch(`${base}/readyz`).catch(() => undefined);
    if (ready?.ok) break;
    assert.ok(left > 0 && server.exitCode === null, `the server does not start: ${log}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  const console = await fetch(`${base}/console/`);
  assert.ok(console.ok, `${PROGRAM} has no console: ${await console.text()}`);
  const ended = new Promise((done) => server.once('exit', done));
  const stop = async () => {
    server.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true });
  };
  return { base, token: JSON.parse(made).token, stop };
}

/** Calls the server past the console, to prepare a test and to look at what came of it. */
function caller(base, token) {
  const call = async (path, headers, method, body) => {
    const answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  const json = { 'content-type': 'application/json' };
  return {
    platform: async (path, method = 'GET', body = undefined) =>
      (await call(path, { 'x-api-key': token, ...json }, method, body)).data,
    scim: (path, method = 'GET', body = undefined) =>
      call(`/scim/v2/${ACCOUNT}${path}`, { authorization: `Bearer ${token}`, ...json }, method, body),
  };
}

/** A token of a service account that has one role; `more` is of the token. */
export async function tokenOf(api, identifier, role, more = {}) {
  await api.platform('/authz/api/roleassignments', 'POST', {
    roleIdentifier: role,
    resourceGroupIdentifier: '_all_account_level_resources',
    principal: { identifier, type: 'SERVICE_ACCOUNT' },
  });
  const owner = { apiKeyIdentifier: 'key', apiKeyType: 'SERVICE_ACCOUNT', parentIdentifier: identifier };
  return api.platform('/ng/api/token', 'POST', { identifier: 'token', name: 'token', ...owner, ...more });
}

/** From the next page that is loaded on, the browser is signed in with this token. */
export function asOther(page, token) {
  const credential = JSON.stringify({ token, account: ACCOUNT });
  return page.addInitScript((text) => sessionStorage.setItem('muster.credential', text), credential);
}

/**
 * A test with `{ page, base, token, api, go, axe }`. `go('/users')` opens a page of the console, signed in; `axe()` holds
 * what is shown against the rules of accessibility, in light and in dark. What the browser's console calls an error fails the test, but for
 * answers of the server that `refused` (a list of statuses) expects.
 */
export function consoleTest(name, body, { refused = [], signedIn = true } = {}) {
  test(name, { timeout: 120_000 }, async () => {
    browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: QUIET });
    const server = await startServer();
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce' });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      const status = Number(/status of (\d+)/.exec(message.text())?.[1]);
      // Of a header that counts by HTTPS only, where a test is `afar`.
      const afar = message.text().includes('header has been ignored, because the URL\'s origin was untrustworthy');
      if (message.type() === 'error' && !refused.includes(status) && !afar) errors.push(message.text());
    });
    if (signedIn) {
      const credential = JSON.stringify({ token: server.token, account: ACCOUNT });
      await page.addInitScript((text) => {
        if (!sessionStorage.getItem('told')) sessionStorage.setItem('muster.credential', text);
        sessionStorage.setItem('told', 'once');
      }, credential);
    }
    const go = async (path) => {
      await page.goto(`${server.base}/console/#${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
    };
    try {
      const api = caller(server.base, server.token);
      await body({ page, base: server.base, token: server.token, api, go, axe: () => holds(page) });
      assert.deepEqual(errors, []);
    } catch (error) {
      if (process.env.PICTURES) await page.screenshot({ path: join(process.env.PICTURES, `${name.replaceAll(/\W+/g, '-')}.png`) });
      throw error;
    } finally {
      await context.close();
      await server.stop();
    }
  });
}

/** In light and in dark. Nothing moves: that is what the tests' browser asks for. */
async function holds(page) {
  await page.evaluate(AXE);
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor();
    const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    const told = found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).slice(0, 3).join(' ')}`);
    assert.deepEqual(told, [], colorScheme);
  }
}
