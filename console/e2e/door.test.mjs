import assert from 'node:assert/strict';

import { consoleTest, tokenOf } from './kit.mjs';

consoleTest('a token opens the console, and signing out forgets it', async ({ page, go, token, axe }) => {
  await go('/');
  await page.getByRole('heading', { name: 'Muster' }).waitFor();
  await axe();
  await page.getByLabel('Token').first().fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.getByRole('button', { name: 'Who is signed in' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem('muster.credential')), null);
}, { signedIn: false });

consoleTest('a token that does not hold is refused in the words of the server', async ({ page, go }) => {
  await go('/');
  await page.getByLabel('Token').first().fill('pat.acme.nobody.0000000000');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('This token does not let you in').waitFor();
  await page.getByText('Status 401').waitFor();
}, { signedIn: false, refused: [401] });

consoleTest('a token that no browser can send is told of as such', async ({ page, go }) => {
  await go('/');
  await page.getByLabel('Token').first().fill('pat.acme.тест');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('beyond ASCII').waitFor();
}, { signedIn: false });

/** Another token of who is signed in, and what ends it. */
async function anotherToken(api) {
  const { principal } = await api.platform('/ng/api/whoami');
  const key = `door${Math.random().toString(36).slice(2)}`;
  const owner = { apiKeyType: 'USER', parentIdentifier: principal.identifier };
  await api.platform('/ng/api/apikey', 'POST', { identifier: key, name: key, ...owner });
  const token = await api.platform('/ng/api/token', 'POST', { identifier: key, name: key, apiKeyIdentifier: key, ...owner });
  return { token, end: () => api.platform(`/ng/api/apikey/${key}?${new URLSearchParams(owner)}`, 'DELETE') };
}

async function enter(page, token) {
  await page.evaluate((text) => sessionStorage.setItem('muster.credential', text), JSON.stringify({ token, account: 'acme' }));
  await page.reload();
}

consoleTest('a token that ends while a form is open is replaced by another one, and the form goes on', async ({ page, go, api, axe }) => {
  const [first, second] = [await anotherToken(api), await anotherToken(api)];
  await go('/roles');
  await enter(page, first.token);
  await page.getByRole('button', { name: 'New role' }).click();
  const form = page.getByRole('dialog', { name: 'New role' });
  const name = `Auditor ${Date.now().toString(36)}`;
  await form.getByLabel('Name').fill(name);
  await first.end();
  await form.getByRole('button', { name: 'Create' }).click();
  const door = page.getByRole('dialog', { name: 'You were signed out' });
  await door.waitFor();
  await axe();
  await page.keyboard.press('Escape');
  await door.getByLabel('Token').first().fill(second.token);
  await door.getByRole('button', { name: 'Sign in' }).click();
  await door.waitFor({ state: 'hidden' });
  assert.equal(await form.getByLabel('Name').inputValue(), name);
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'hidden' });
  const found = page.getByRole('table', { name: 'Roles' });
  await found.waitFor();
  const { content } = await api.platform(`/authz/api/roles?searchTerm=${encodeURIComponent(name)}`);
  assert.deepEqual(content.map(({ role }) => role.name), [name]);
  await page.reload();
  await found.waitFor();
}, { refused: [401] });

consoleTest('somebody else does not go on where the one before was signed out', async ({ page, go, api }) => {
  const mine = await anotherToken(api);
  const sync = `sync${Date.now().toString(36)}`;
  await api.platform('/ng/api/serviceaccount', 'POST', { identifier: sync, name: sync });
  const other = await tokenOf(api, sync, '_account_admin');
  await go('/roles');
  await enter(page, mine.token);
  await page.getByRole('button', { name: 'New role' }).click();
  await page.getByRole('dialog', { name: 'New role' }).getByLabel('Name').fill('Auditor');
  await mine.end();
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  const door = page.getByRole('dialog', { name: 'You were signed out' });
  await door.getByLabel('Token').first().fill(other);
  await door.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.getByRole('button', { name: 'Who is signed in' }).getByText(sync).waitFor();
}, { refused: [401] });

// The last one: with a server of several tests there is no token after it.
consoleTest('a token that is revoked meanwhile leads to the door', async ({ page, go, api }) => {
  await go('/users');
  const { credential, principal } = await api.platform('/ng/api/whoami');
  const query = `apiKeyType=USER&parentIdentifier=${principal.identifier}`;
  const { content } = await api.platform(`/ng/api/token/aggregate?${query}`);
  const { apiKeyIdentifier, identifier } = content.map((one) => one.token).find((one) => credential.tokenId && one.valid);
  await api.platform(`/ng/api/token/${identifier}?${query}&apiKeyIdentifier=${apiKeyIdentifier}`, 'DELETE');
  await page.reload();
  await page.getByText('You were signed out').waitFor();
}, { refused: [401] });
