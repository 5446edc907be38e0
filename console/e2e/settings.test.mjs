// Settings, and the four that make the default trust, with keys of a real OpenID provider.
import assert from 'node:assert/strict';

import { CLIENT, issuer, newServiceAccount, own, trustTest } from './issuer.mjs';

const STALE = 'jwt_trust_stale_key_hours';
const FOUR = ['scim_jwt_token_jwks_keys_url', 'scim_jwt_token_service_account_id', 'scim_jwt_token_key_field', 'scim_jwt_token_value_field'];

trustTest('a setting is changed, refused in the server’s words, and restored', async ({ page, go, api, axe }) => {
  const value = async () => (await api.platform(`/ng/api/settings/${STALE}`)).value;
  await go('/settings');
  const row = page.getByRole('listitem', { name: 'Hours that an issuer' });
  await row.getByRole('textbox').fill('999');
  await row.getByRole('button', { name: `Save ${STALE}` }).click();
  await row.getByText('The value [999] is not allowed.').waitFor();
  assert.equal(await row.getByRole('textbox').inputValue(), '999');
  await axe();
  await row.getByRole('textbox').fill('48');
  await row.getByRole('button', { name: `Save ${STALE}` }).click();
  await row.getByText('account', { exact: true }).waitFor();
  assert.equal(await value(), '48');
  await row.getByRole('button', { name: `Restore ${STALE}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click();
  await row.getByText('default', { exact: true }).waitFor();
  assert.equal(await value(), '24');
  await row.getByRole('textbox').and(page.locator('[value="24"]')).waitFor();
  const boolean = page.getByRole('listitem', { name: 'SCIM delete only deactivates' });
  await boolean.getByRole('switch').focus();
  await page.keyboard.press('Space');
  await boolean.getByRole('button', { name: 'Save scim_delete_deactivates' }).click();
  await boolean.getByText('account', { exact: true }).waitFor();
  assert.equal((await api.platform('/ng/api/settings/scim_delete_deactivates')).value, 'true');
  await api.platform('/ng/api/settings', 'PUT', [{ identifier: 'scim_delete_deactivates', updateType: 'RESTORE' }]);
});

trustTest('what scopes may have of their own is set in the scope that is chosen', async ({ page, go, api, axe }) => {
  const org = own('org');
  await api.platform('/ng/api/organizations', 'POST', { organization: { identifier: org, name: org } });
  await go('/settings');
  await page.getByRole('combobox', { name: 'Scope' }).fill(org);
  await page.getByRole('option', { name: org }).click();
  // What is the account's alone is shown, and not offered.
  const dialect = page.getByRole('listitem', { name: 'SCIM dialect' });
  await dialect.getByText('Set in the account only').waitFor();
  assert.equal(await dialect.getByRole('combobox').isDisabled(), true);
  await page.getByRole('combobox', { name: 'Category' }).click();
  await page.getByRole('option', { name: 'PMS' }).click();
  const row = page.getByRole('listitem', { name: 'Mandate webhook secrets' });
  await row.getByRole('switch').first().focus();
  await page.keyboard.press('Space');
  await row.getByRole('button', { name: /^Save/ }).click();
  await row.getByText('organization', { exact: true }).waitFor();
  await axe();
  const path = '/ng/api/settings/mandate_webhook_secrets_for_github_triggers';
  assert.equal((await api.platform(`${path}?orgIdentifier=${org}`)).value, 'true');
  assert.equal((await api.platform(path)).value, 'false');
});

trustTest('of more places than are listed the server finds the others', async ({ page, go, api }) => {
  const mark = own('z');
  const make = (identifier) => api.platform('/ng/api/organizations', 'POST', { organization: { identifier, name: identifier } });
  const all = Array.from({ length: 500 }, (_, number) => `a${number}_${mark}`);
  while (all.length > 0) await Promise.all(all.splice(0, 25).map(make));
  const org = `zz_${mark}`;
  await make(org);
  await api.platform(`/ng/api/projects?orgIdentifier=${org}`, 'POST', { project: { identifier: `web_${mark}`, name: `Web ${mark}`, orgIdentifier: org } });
  await go('/settings');
  const scope = page.getByRole('combobox', { name: 'Scope' });
  await scope.fill(`${org} / Web ${mark}`);
  await page.getByRole('option', { name: `${org} / Web ${mark}` }).click();
  await page.reload();
  await page.locator(`input[value="${org} / Web ${mark}"]:visible`).waitFor();
  await scope.fill(org);
  await page.getByRole('option', { name: org, exact: true }).click();
  await page.locator(`input[value="${org}"]:visible`).waitFor();
});

trustTest('the four settings make the default trust together or not at all', async ({ page, go, api, axe }) => {
  const account = await newServiceAccount(api);
  const stored = () => Promise.all(FOUR.map(async (setting) => (await api.platform(`/ng/api/settings/${setting}`)).value));
  await api.platform('/ng/api/settings', 'PUT', FOUR.map((identifier) => ({ identifier, updateType: 'RESTORE' })));
  await go('/settings');
  const card = page.getByRole('region', { name: 'The default trust' });
  await card.getByLabel('JWKS URL').fill(`${issuer}/jwks`);
  await card.getByRole('combobox', { name: 'Acts as service account' }).fill('nobody_here');
  await card.getByLabel('Claim', { exact: true }).fill('client_id');
  await card.getByLabel('Value of the claim').fill(CLIENT);
  await card.getByRole('button', { name: 'Save all four' }).click();
  await card.getByText('There is no service account [nobody_here]').waitFor();
  await card.getByText('Nothing was stored').waitFor();
  assert.deepEqual(await stored(), [null, null, null, null]);
  assert.equal(await card.getByLabel('Value of the claim').inputValue(), CLIENT);
  await axe();
  await card.getByRole('combobox', { name: 'Acts as service account' }).fill(account);
  await card.getByRole('button', { name: 'Save all four' }).click();
  await card.getByText('no_issuer').or(card.getByText(/warning/)).first().waitFor();
  assert.deepEqual(await stored(), [`${issuer}/jwks`, account, 'client_id', CLIENT]);
  await axe();
  await card.getByRole('link', { name: 'Open the trust default' }).click();
  await page.getByText('four settings').first().waitFor();
  await page.getByRole('region', { name: 'Keys', exact: true }).getByText('EdDSA').waitFor();
  await go('/trusts');
  await page.getByText('of the four settings').waitFor();
  await go('/settings');
  await card.getByRole('button', { name: 'Unset all four' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Unset' }).click();
  await card.getByText('not set').waitFor();
  assert.deepEqual(await stored(), [null, null, null, null]);
});

