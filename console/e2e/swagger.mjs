/** Gives Swagger UI a token and asks by it who that is. */
export async function tryWhoami(page, token) {
  await page.getByPlaceholder('Filter by tag or path').fill('/whoami');
  await page.locator('.opblock-summary-path').getByText('/ng/api/whoami').waitFor();
  await page.locator('.opblock').nth(1).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const key = page.locator('.auth-container').filter({ hasText: 'x-api-key' }).first();
  await key.getByRole('textbox').fill(token);
  await key.getByRole('button', { name: 'Apply credentials' }).click();
  await key.getByRole('button', { name: 'Close' }).click();
  await page.locator('.opblock-summary-control').click();
  await page.getByRole('button', { name: 'Try it out' }).click();
  await page.getByRole('button', { name: 'Execute' }).click();
  await page.locator('.live-responses-table .response-col_status').getByText('200').first().waitFor();
}
