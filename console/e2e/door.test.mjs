import assert from 'node:assert/strict';

import { consoleTest } from './kit.mjs';

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

consoleTest('a token that ends while a page is open leads to the door with the next call', async ({ page, go, token, api }) => {
  const { principal } = await api.platform('/ng/api/whoami');
  const key = `door${Date.now().toString(36)}`;
  const owner = { apiKeyType: 'USER', parentIdentifier: principal.identifier };
  await api.platform('/ng/api/apikey', 'POST', { identifier: key, name: key, ...owner });
  const other = await api.platform('/ng/api/token', 'POST', { identifier: key, name: key, apiKeyIdentifier: key, ...owner });
  assert.notEqual(other, token);
  await go('/');
  await page.evaluate((text) => sessionStorage.setItem('muster.credential', text), JSON.stringify({ token: other, account: 'acme' }));
  await page.reload();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await api.platform(`/ng/api/apikey/${key}?${new URLSearchParams(owner)}`, 'DELETE');
  await page.getByRole('link', { name: 'Roles', exact: true }).click();
  await page.getByText('You were signed out').waitFor();
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
