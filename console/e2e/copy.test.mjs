// Copying: over plain HTTP, too, and where the browser does not let the page do it.
import assert from 'node:assert/strict';

import { afar, consoleTest } from './kit.mjs';

const NO_COPY = () => {
  document.execCommand = () => false;
};

async function makeToken(page) {
  await page.getByRole('button', { name: 'New token' }).click();
  const form = page.getByRole('dialog', { name: 'New token' });
  await form.getByLabel('Name').fill(`copied${Date.now().toString(36)}`);
  await form.getByRole('button', { name: 'Create' }).click();
  const shown = page.getByTestId('secret');
  await shown.waitFor();
  return shown.innerText();
}

function selected() {
  return getSelection()?.toString();
}

consoleTest('over plain HTTP a token is copied, too', async ({ page, base }) => {
  await page.goto(`${afar(base)}/console/#/tokens`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  assert.equal(await page.evaluate(() => isSecureContext), false);
  const secret = await makeToken(page);
  await page.getByRole('button', { name: 'Copy', exact: true }).click();
  await page.getByRole('button', { name: 'Copied', exact: true }).waitFor();
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.getByTestId('secret').waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: 'Explain a token' }).click();
  const field = page.getByRole('textbox').first();
  await field.focus();
  await page.keyboard.press('Control+V');
  assert.equal(await field.inputValue(), secret);
});

consoleTest('a token that the browser does not copy is selected, and stays until it is said to be kept', async ({ page, base, axe }) => {
  await page.addInitScript(NO_COPY);
  await page.goto(`${afar(base)}/console/#/tokens`);
  const secret = await makeToken(page);
  await page.getByRole('button', { name: 'Copy', exact: true }).click();
  await page.getByText('Your browser did not let the console copy it').waitFor();
  assert.equal(await page.evaluate(selected), secret);
  await axe();
  await page.keyboard.press('Escape');
  assert.equal(await page.getByRole('button', { name: 'Close' }).count(), 0);
  assert.equal(await page.getByTestId('secret').innerText(), secret);
});

consoleTest('what the clipboard refuses by HTTPS is copied the other way, or selected', async ({ page, go }) => {
  await page.addInitScript(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  await go('/');
  await page.getByRole('button', { name: 'Copy the SCIM base URL' }).click();
  await page.getByRole('button', { name: 'Copied the SCIM base URL' }).waitFor();
  await page.evaluate(NO_COPY);
  await page.getByRole('button', { name: 'Copy acme' }).click();
  await page.getByText('Your browser did not let the console copy it').waitFor();
  assert.equal(await page.evaluate(selected), 'acme');
});
