// The API reference: Swagger UI over the document of this very server, below the same prefix as all else.
import assert from 'node:assert/strict';

import { consoleTest } from './kit.mjs';
import { tryWhoami } from './swagger.mjs';

consoleTest('the API reference shows the routes, takes a token and tries a call out at this server', async ({ page, base, token, go }) => {
  const asked = [];
  const errors = [];
  page.context().on('request', (request) => asked.push(request.url()));
  await go('/');
  const link = page.getByRole('link', { name: 'API reference' });
  const [reference] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
  reference.setDefaultTimeout(30_000);
  reference.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await reference.locator('.opblock').first().waitFor();
  assert.equal(new URL(reference.url()).pathname, '/console/api.html');
  assert.ok(!(await reference.content()).includes(token));
  await tryWhoami(reference, token);
  await reference.locator('.live-responses-table').getByText('"accountIdentifier"').first().waitFor();
  assert.deepEqual(asked.filter((url) => !url.startsWith(`${base}/`) && !url.startsWith('data:')), []);
  for (const [colorScheme, background] of [['light', 'rgba(0, 0, 0, 0)'], ['dark', 'rgb(28, 32, 34)']]) {
    await reference.emulateMedia({ colorScheme });
    await reference.waitForFunction((wanted) => getComputedStyle(document.documentElement).backgroundColor === wanted, background);
  }
  await reference.reload();
  await reference.locator('.opblock').first().waitFor();
  assert.equal(await reference.locator('.authorization__btn .locked').count(), 0, 'the token is forgotten');
  assert.deepEqual(errors, []);
});
