import assert from 'node:assert/strict';

import { ACCOUNT, asOther, consoleTest, tokenOf } from './kit.mjs';

const ALL = '_all_account_level_resources';

// A shared account has what the tests before have left.
let count = 0;
const unique = (word) => `${word} ${Date.now().toString(36)}${(count += 1)}`;
const identifierOf = (name) => name.replaceAll(' ', '_');

async function serviceAccount(api, name) {
  return (await api.platform('/ng/api/serviceaccount', 'POST', { name })).identifier;
}

const ofAccount = (identifier) => `apiKeyType=SERVICE_ACCOUNT&parentIdentifier=${identifier}`;

async function tokensOf(api, owner) {
  return (await api.platform(`/ng/api/token/aggregate?${owner}`)).content.map((row) => row.token);
}

/** Chooses from a list that the server searches. */
async function choose(within, page, label, text) {
  const field = within.getByRole('combobox', { name: label }).or(within.getByRole('textbox', { name: label })).first();
  await field.fill(text);
  await page.getByRole('option', { name: text }).first().click();
}

consoleTest('a service account is made, found, changed and deleted', async ({ page, go, api, axe }) => {
  const name = unique('Entra Prod');
  await go('/service-accounts');
  await page.getByRole('button', { name: 'New service account' }).click();
  const window = page.getByRole('dialog');
  await window.getByLabel('Name').fill(name);
  await axe();
  await window.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  await page.getByText(identifierOf(name), { exact: true }).first().waitFor();
  await page.getByText('It has no role').waitFor();
  await axe();
  await page.getByRole('button', { name: 'Edit' }).click();
  await window.getByLabel('Description').fill('For the tenant');
  await window.getByRole('button', { name: 'Save' }).click();
  await page.getByText('For the tenant').waitFor();
  await page.getByRole('link', { name: 'All service accounts' }).click();
  await page.getByLabel('Search').fill(name);
  await page.getByRole('button', { name }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await window.getByText('none of it can be had back').waitFor();
  await axe();
  await window.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'Service accounts' }).waitFor();
  const { content } = await api.platform(`/ng/api/serviceaccount/aggregate?searchTerm=${encodeURIComponent(name)}`);
  assert.deepEqual(content, []);
});

consoleTest('a token for an identity provider: made in one form, shown once, rotated, revoked', async ({ page, go, base, api, axe }) => {
  const identifier = await serviceAccount(api, unique('Okta'));
  await api.platform('/authz/api/roleassignments', 'POST', {
    roleIdentifier: '_scim_provisioner', resourceGroupIdentifier: ALL, principal: { identifier, type: 'SERVICE_ACCOUNT' },
  });
  await go(`/service-accounts/${identifier}`);
  await page.getByText('There are no tokens.').waitFor();
  await page.getByRole('button', { name: 'New token' }).click();
  const form = page.getByRole('dialog', { name: 'New token' });
  await form.getByLabel('Name').fill('Nightly');
  await form.getByLabel('SCIM only').check();
  await axe();
  await form.getByRole('button', { name: 'Create' }).click();
  const shown = page.getByRole('dialog', { name: 'The token “Nightly”' });
  const secret = await shown.getByTestId('secret').innerText();
  await shown.getByText(`${new URL(base).origin}/scim/v2/${ACCOUNT}`).waitFor();
  await form.waitFor({ state: 'hidden' });
  await axe();
  const users = (token) => fetch(`${base}/scim/v2/${ACCOUNT}/Users?count=1`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await users(secret)).status, 200);
  const [made] = await tokensOf(api, ofAccount(identifier));
  assert.deepEqual([made.identifier, made.surfaces], ['Nightly', ['scim']]);
  await shown.getByRole('button', { name: 'I have it' }).click();
  assert.equal(await page.getByText(secret).count(), 0);

  await page.getByRole('button', { name: 'Rotate Nightly' }).click();
  const rotate = page.getByRole('dialog', { name: 'Rotate the token' });
  await axe();
  await rotate.getByRole('button', { name: 'Rotate' }).click();
  const anew = page.getByRole('dialog', { name: 'The new secret of “Nightly”' });
  const second = await anew.getByTestId('secret').innerText();
  await anew.getByRole('button', { name: 'I have it' }).click();
  await page.getByText('old secret').waitFor();
  assert.equal((await users(secret)).status, 200, 'the old secret has a day');
  assert.equal((await users(second)).status, 200);

  await page.getByRole('button', { name: 'Revoke Nightly' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('button', { name: 'Revoke Nightly' }).waitFor({ state: 'hidden' });
  assert.equal((await users(second)).status, 401);
  await page.getByRole('button', { name: /Delete the API key/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('There are no API keys.').waitFor();
  assert.equal((await users(secret)).status, 401);
});

consoleTest('a token that is refused keeps what was typed', async ({ page, go, api }) => {
  const identifier = await serviceAccount(api, unique('Refused'));
  await go(`/service-accounts/${identifier}`);
  await page.getByRole('button', { name: 'New token' }).click();
  const form = page.getByRole('dialog', { name: 'New token' });
  await form.getByLabel('Name').fill('Nightly!');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText('Status 400').waitFor();
  assert.equal(await form.getByLabel('Name').inputValue(), 'Nightly!');
  assert.deepEqual(await tokensOf(api, ofAccount(identifier)), []);
  await form.getByLabel('Name').fill('Nightly');
  await form.getByRole('button', { name: 'Create' }).click();
  await page.getByTestId('secret').waitFor();
}, { refused: [400] });

consoleTest('your tokens: the one in use is marked, and rotating it goes on with the new secret', async ({ page, go, base, token, api, axe }) => {
  // A token of its own, that a shared account keeps its own.
  const { principal } = await api.platform('/ng/api/whoami');
  const mine = identifierOf(unique('mine'));
  const own = await api.platform('/ng/api/token', 'POST', {
    identifier: mine, name: mine, apiKeyIdentifier: 'console_test', apiKeyType: 'USER', parentIdentifier: principal.identifier,
  });
  const signedInWith = (text) => page.evaluate(
    (secret) => sessionStorage.setItem('muster.credential', JSON.stringify({ token: secret, account: 'acme' })), text);
  await go('/tokens');
  await signedInWith(own);
  await page.reload();
  const row = page.getByRole('row', { name: new RegExp(`${mine} in use here`, 'i') });
  await row.waitFor();
  await axe();
  await row.getByRole('button', { name: 'Rotate' }).click();
  const form = page.getByRole('dialog', { name: 'Rotate the token' });
  await form.getByText('This tab goes on with the new secret').waitFor();
  await form.getByRole('combobox', { name: 'The old secret holds for' }).click();
  await page.getByRole('option', { name: 'It ends at once' }).click();
  await form.getByRole('button', { name: 'Rotate' }).click();
  const fresh = await page.getByTestId('secret').innerText();
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.getByRole('row', { name: new RegExp(`${mine} in use here`, 'i') }).waitFor();
  const status = async (secret) => (await fetch(`${base}/ng/api/whoami`, { headers: { 'x-api-key': secret } })).status;
  assert.deepEqual([await status(own), await status(fresh), await status(token)], [401, 200, 200]);
  await page.getByRole('row', { name: new RegExp(`${mine} in use here`, 'i') }).getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('revoking it signs you out').waitFor();
  await axe();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('You were signed out').waitFor();
}, { refused: [401] });

consoleTest('a role is given to a service account, switched off and taken away', async ({ page, go, api, axe }) => {
  const identifier = await serviceAccount(api, unique('Giver'));
  await go(`/service-accounts/${identifier}`);
  await page.getByRole('button', { name: 'Give a role' }).click();
  const form = page.getByRole('dialog', { name: 'Give a role' });
  await axe();
  await choose(form, page, 'Role', 'SCIM Provisioner');
  await form.getByRole('button', { name: 'Give' }).click();
  const row = page.getByRole('row', { name: /SCIM Provisioner/ });
  await row.waitFor();
  const assignments = async () => (await api.platform('/authz/api/roleassignments/filter', 'POST',
    { principalFilter: [{ identifier, type: 'SERVICE_ACCOUNT' }] })).content.map((one) => one.roleAssignment);
  assert.deepEqual((await assignments()).map((one) => [one.roleIdentifier, one.disabled]), [['_scim_provisioner', false]]);
  await row.getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await row.getByText('disabled').waitFor();
  assert.deepEqual((await assignments()).map((one) => one.disabled), [true]);
  await row.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('It has no role').waitFor();
  assert.deepEqual(await assignments(), []);
});

consoleTest('a role is given to several at once, and the list is narrowed to one of them', async ({ page, go, api, axe }) => {
  const names = [unique('Pair'), unique('Pair')];
  for (const name of names) await serviceAccount(api, name);
  await go('/assignments');
  await page.getByRole('row').nth(1).waitFor();
  await axe();
  await page.getByRole('button', { name: 'Give a role' }).click();
  const form = page.getByRole('dialog', { name: 'Give a role' });
  await form.getByRole('combobox', { name: 'Kind of principal' }).click();
  await page.getByRole('option', { name: 'Service account' }).click();
  for (const name of names) await choose(form, page, 'Service accounts', name);
  await choose(form, page, 'Role', 'Account Viewer');
  await axe();
  await form.getByRole('button', { name: 'Give' }).click();
  for (const name of names) await page.getByRole('row', { name: new RegExp(name) }).waitFor();
  await page.getByRole('combobox', { name: 'Kind of principal' }).click();
  await page.getByRole('option', { name: 'Service account' }).click();
  await choose(page.getByRole('main'), page, 'Service account', names[0]);
  await page.getByRole('row', { name: new RegExp(names[1]) }).waitFor({ state: 'hidden' });
  await page.getByRole('row', { name: new RegExp(names[0]) }).waitFor();
});

consoleTest('the last administrator is not taken away, in the words of the server', async ({ page, go, api }) => {
  const { principal } = await api.platform('/ng/api/whoami');
  await go('/assignments');
  await page.getByRole('row', { name: /Account Admin/ }).filter({ hasText: principal.email }).getByRole('button', { name: 'Remove' }).click();
  const question = page.getByRole('dialog');
  await question.getByText('It is yours').waitFor();
  await question.getByRole('button', { name: 'Remove' }).click();
  await question.getByText('Status 400').waitFor();
}, { refused: [400] });

consoleTest('a custom role is made of picked permissions, changed and deleted', async ({ page, go, api, axe }) => {
  const name = unique('Auditor');
  const path = `/authz/api/roles/${identifierOf(name)}`;
  await go('/roles');
  await page.getByRole('button', { name: /Account Viewer/ }).click();
  const window = page.getByRole('dialog');
  await window.getByRole('heading', { name: '14 permissions' }).waitFor();
  await axe();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'New role' }).click();
  await window.getByLabel('Name').fill(name);
  await window.getByLabel('All of USERGROUP').check();
  await window.getByLabel('Permissions').fill('audit');
  await window.getByLabel('View the audit trail').check();
  await axe();
  await window.getByRole('button', { name: 'Create' }).click();
  await window.waitFor({ state: 'hidden' });
  const permissions = async () => (await api.platform(path)).role.permissions.toSorted();
  assert.deepEqual(await permissions(), ['core_audit_view', 'core_usergroup_manage', 'core_usergroup_view']);
  await page.getByLabel('Search').fill(name);
  await page.getByRole('button', { name }).click();
  await window.getByRole('button', { name: 'Edit' }).click();
  await window.getByLabel('Manage User Groups').uncheck();
  await window.getByRole('button', { name: 'Save' }).click();
  await window.waitFor({ state: 'hidden' });
  assert.deepEqual(await permissions(), ['core_audit_view', 'core_usergroup_view']);
  await page.getByRole('button', { name }).click();
  await window.getByRole('button', { name: 'Delete' }).click();
  await window.getByText('It cannot be had back').waitFor();
  await window.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('None matches.').waitFor();
});

consoleTest('a resource group of one user and all roles is made, widened and deleted', async ({ page, go, api, axe }) => {
  const name = unique('People');
  const email = `${identifierOf(name)}@example.com`.toLowerCase();
  const user = await api.scim('/Users', 'POST', { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: email, displayName: name });
  await go('/resource-groups');
  await page.getByRole('button', { name: /All Account Level Resources/ }).click();
  const window = page.getByRole('dialog');
  await window.getByText('all resource types').waitFor();
  await axe();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'New resource group' }).click();
  await window.getByLabel('Name').fill(name);
  await window.getByRole('checkbox', { name: 'ROLE', exact: true }).check();
  await window.getByRole('checkbox', { name: 'USER', exact: true }).check();
  await choose(window, page, 'Which of USER', name);
  await window.getByLabel('Name').focus();
  await axe();
  await window.getByRole('button', { name: 'Create' }).click();
  await window.waitFor({ state: 'hidden' });
  const stored = async () => (await api.platform(`/authz/api/v2/resourcegroup/${identifierOf(name)}`)).resourceGroup;
  const { resources } = (await stored()).resourceFilter;
  const byType = Object.fromEntries(resources.map((one) => [one.resourceType, one.identifiers ?? []]));
  assert.deepEqual(byType, { ROLE: [], USER: [user.id] });
  await page.getByLabel('Search').fill(name);
  await page.getByRole('button', { name }).click();
  await window.getByText(user.id).waitFor();
  await window.getByRole('button', { name: 'Edit' }).click();
  await window.getByLabel('This scope and all below').check();
  await window.getByLabel('All resource types').check();
  await window.getByRole('button', { name: 'Save' }).click();
  await window.waitFor({ state: 'hidden' });
  const wide = await stored();
  assert.deepEqual([wide.includedScopes[0].filter, wide.resourceFilter.includeAllResources], ['INCLUDING_CHILD_SCOPES', true]);
  await page.getByRole('button', { name }).click();
  await window.getByRole('button', { name: 'Delete' }).click();
  await window.getByText('It cannot be had back').waitFor();
  await window.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('None matches.').waitFor();
});

consoleTest('who may only look is offered nothing to do', async ({ page, go, api, axe }) => {
  const identifier = await serviceAccount(api, unique('Viewer'));
  await asOther(page, await tokenOf(api, identifier, '_account_viewer'));
  await go('/service-accounts');
  await page.getByText(identifier, { exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: /^New/ }).count(), 0);
  await go(`/service-accounts/${identifier}`);
  await page.getByText('core_serviceaccount_manageapikey').waitFor();
  await page.getByRole('row', { name: /Account Viewer/ }).waitFor();
  assert.equal(await page.getByRole('button', { name: /^(New|Edit|Delete|Give|Remove|Disable)/ }).count(), 0);
  for (const [path, row] of [['/assignments', /Account Viewer/], ['/roles', /_account_viewer/], ['/resource-groups', new RegExp(ALL)]]) {
    await go(path);
    await page.getByRole('row', { name: row }).first().waitFor();
    assert.equal(await page.getByRole('button', { name: /^(New|Edit|Delete|Give|Remove|Disable)/ }).count(), 0, path);
  }
  await go('/tokens');
  await page.getByText('is a service account').waitFor();
  await axe();
});

consoleTest('service accounts of an organization are found from above and open in their scope', async ({ page, go, api }) => {
  const organization = identifierOf(unique('org'));
  await api.platform('/ng/api/organizations', 'POST', { organization: { identifier: organization, name: organization } });
  const name = unique('Below');
  await api.platform(`/ng/api/serviceaccount?orgIdentifier=${organization}`, 'POST', { name });
  await go('/service-accounts');
  await page.getByLabel('Search').fill(name);
  await page.getByText('None matches.').waitFor();
  await page.getByRole('combobox', { name: 'Show those of' }).click();
  await page.getByRole('option', { name: 'this scope and those below' }).click();
  await page.getByRole('button', { name }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  await page.getByRole('button', { name: 'New token' }).click();
  const form = page.getByRole('dialog', { name: 'New token' });
  await form.getByLabel('Name').fill('Below');
  await form.getByRole('button', { name: 'Create' }).click();
  await page.getByTestId('secret').waitFor();
  assert.equal((await tokensOf(api, `${ofAccount(identifierOf(name))}&orgIdentifier=${organization}`)).length, 1);
});

consoleTest('the last token of the last page goes, and the page before it is shown', async ({ page, go, api }) => {
  const owner = { apiKeyType: 'SERVICE_ACCOUNT', parentIdentifier: await serviceAccount(api, unique('Many')) };
  for (let count = 0; count < 21; count += 1) {
    await api.platform('/ng/api/token', 'POST', { identifier: `t${count}`, name: `t${count}`, apiKeyIdentifier: `k${count % 5}`, ...owner });
  }
  await go(`/service-accounts/${owner.parentIdentifier}`);
  await page.getByRole('button', { name: '2', exact: true }).click();
  // The oldest stands last.
  await page.getByRole('button', { name: 'Revoke t0', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('button', { name: 'Revoke t20', exact: true }).waitFor();
  assert.equal(await page.getByText('There are no tokens.').count(), 0);
});

consoleTest('an answer that comes after its form was closed leaves the next form alone', async ({ page, go, api }) => {
  const name = unique('Slow');
  await go('/service-accounts');
  let answer;
  const held = new Promise((done) => (answer = done));
  await page.route('**/ng/api/serviceaccount?*', async (route) => {
    if (route.request().method() === 'POST') await held;
    await route.continue();
  });
  const open = page.getByRole('button', { name: 'New service account' });
  const form = page.getByRole('dialog');
  await open.click();
  await form.getByLabel('Name').fill(name);
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByRole('button', { name: 'Cancel' }).click();
  await form.waitFor({ state: 'hidden' });
  await open.click();
  await form.getByLabel('Name').fill('Another');
  answer();
  await page.getByText(`${name} is created as`).waitFor();
  assert.equal(await form.getByLabel('Name').inputValue(), 'Another');
  assert.ok(page.url().endsWith('#/service-accounts'), page.url());
  await api.platform(`/ng/api/serviceaccount/${identifierOf(name)}`, 'DELETE');
});

consoleTest('what one list has found is not offered as that of another', async ({ page, go, api }) => {
  const name = unique('Found');
  const identifier = await serviceAccount(api, name);
  await go('/assignments');
  const main = page.getByRole('main');
  await main.getByRole('combobox', { name: 'Kind of principal' }).click();
  await page.getByRole('option', { name: 'Service account' }).click();
  await choose(main, page, 'Service account', name);
  await page.getByRole('link', { name: 'Resource groups' }).click();
  await page.getByRole('button', { name: 'New resource group' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name').fill(name);
  await form.getByRole('checkbox', { name: 'SERVICEACCOUNT', exact: true }).check();
  await choose(form, page, 'Which of SERVICEACCOUNT', name);
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'hidden' });
  const { resourceGroup } = await api.platform(`/authz/api/v2/resourcegroup/${identifier}`);
  assert.deepEqual(resourceGroup.resourceFilter.resources.map((one) => one.identifiers), [[identifier]]);
});

consoleTest('a service account of an organization begins there, also on a narrow screen', async ({ page, go, api, axe }) => {
  const organization = identifierOf(unique('org'));
  await api.platform('/ng/api/organizations', 'POST', { organization: { identifier: organization, name: organization } });
  const query = `orgIdentifier=${organization}`;
  const { identifier } = await api.platform(`/ng/api/serviceaccount?${query}`, 'POST', { name: unique('Inside') });
  await api.platform(`/authz/api/roleassignments?${query}`, 'POST', {
    roleIdentifier: '_organization_admin', resourceGroupIdentifier: '_all_organization_level_resources', principal: { identifier, type: 'SERVICE_ACCOUNT' },
  });
  const owner = { apiKeyIdentifier: 'k', apiKeyType: 'SERVICE_ACCOUNT', parentIdentifier: identifier };
  const inside = await api.platform(`/ng/api/token?${query}`, 'POST', { identifier: 't', name: 't', ...owner });
  await page.setViewportSize({ width: 400, height: 800 });
  await go('/service-accounts');
  await page.getByRole('button', { name: 'Who is signed in' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('Token').first().fill(inside);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(identifier, { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Pages' }).click();
  const scope = page.getByRole('combobox', { name: 'Scope' });
  await page.locator(`input[value="${organization}"]:visible`).waitFor();
  await axe();
  await scope.click();
  await page.getByRole('option', { name: 'Account', exact: true }).click();
  await page.getByRole('link', { name: 'Your tokens' }).click();
  await page.getByRole('link', { name: 'its page' }).click();
  await page.getByRole('region', { name: 'Facts' }).getByText(organization).waitFor();
}, { refused: [403] });
