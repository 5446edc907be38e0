// JWT trusts, and why a token is refused, with tokens of a real OpenID provider.
import assert from 'node:assert/strict';

import { AUDIENCE, CLIENT, issuer, made, newServiceAccount, newToken, newTrust, own, trustTest } from './issuer.mjs';
import { ACCOUNT, asOther, tokenOf } from './kit.mjs';

async function explain(scope, token) {
  await scope.getByRole('textbox', { name: 'Token', exact: true }).fill(token);
  await scope.getByRole('button', { name: 'Explain', exact: true }).click();
}

trustTest('a trust is made from a preset, in the form and as JSON, and its warnings are shown', async ({ page, go, api, axe }) => {
  const account = await newServiceAccount(api);
  const identifier = own('hub');
  made.push(identifier);
  await go('/trusts');
  await page.getByRole('button', { name: 'New trust' }).click();
  const form = page.getByRole('dialog', { name: 'New JWT trust' });
  await form.getByRole('combobox', { name: 'Start from' }).click();
  await page.getByRole('option', { name: 'GitHub Actions' }).click();
  await form.getByText('repo:acme/* lets pull requests in').waitFor();
  await form.getByLabel('Identifier').fill(identifier);
  await form.getByText('JWKS URL', { exact: true }).click();
  await form.getByRole('textbox', { name: 'JWKS URL' }).fill(`${issuer}/jwks`);
  await form.getByRole('textbox', { name: 'Issuer', exact: true }).fill(issuer);
  await form.getByRole('combobox', { name: 'Acts as service account' }).fill(account);
  await page.getByRole('option', { name: account }).click();
  await form.getByRole('button', { name: 'Remove rule 2' }).click();
  const rule = form.getByRole('group', { name: 'Rule 1' });
  await rule.getByRole('textbox', { name: 'Claim' }).fill('client_id');
  await rule.getByRole('textbox', { name: 'Value', exact: true }).fill(CLIENT);
  await axe();
  await form.getByText('JSON', { exact: true }).first().click();
  const text = form.getByLabel('The trust as JSON');
  const body = JSON.parse(await text.inputValue());
  assert.deepEqual(body.rules, [{ claim: 'client_id', op: 'equals', value: CLIENT }]);
  await text.fill(JSON.stringify({ ...body, audiences: [AUDIENCE], types: ['at+jwt'] }));
  await form.getByText('Form', { exact: true }).click();
  await form.getByText(AUDIENCE).waitFor();
  await form.getByRole('button', { name: 'Create' }).click();
  const stored = page.getByRole('dialog', { name: `Trust ${identifier} is stored` });
  await stored.getByText('plain_http').waitFor();
  await axe();
  await stored.getByRole('link', { name: 'Open the trust' }).click();
  await page.getByRole('heading', { level: 1, name: 'GitHub Actions' }).waitFor();
  const { jwtTrust } = await api.platform(`/ng/api/jwt-trusts/${identifier}`);
  assert.equal(jwtTrust.serviceAccount, account);
  assert.deepEqual(jwtTrust.types, ['at+jwt']);
  assert.deepEqual(jwtTrust.jwks, { url: `${issuer}/jwks` });
});

trustTest('a trust that is refused keeps what was typed', async ({ page, go, axe }) => {
  await go('/trusts');
  await page.getByRole('button', { name: 'New trust' }).click();
  const form = page.getByRole('dialog', { name: 'New JWT trust' });
  await form.getByLabel('Name').fill('Mine');
  await form.getByRole('textbox', { name: 'JWKS URL' }).fill('ftp://issuer.example.com');
  await form.getByRole('combobox', { name: 'Acts as service account' }).fill('nobody_here');
  await form.getByRole('button', { name: 'Create' }).click();
  const alert = form.getByRole('alert');
  await alert.getByText('Status 400').waitFor();
  await alert.getByText('there is no service account [nobody_here]').first().waitFor();
  assert.equal(await form.getByLabel('Name').inputValue(), 'Mine');
  assert.equal(await form.getByRole('textbox', { name: 'JWKS URL' }).inputValue(), 'ftp://issuer.example.com');
  await axe();
  // What is no JSON is not sent, and stays.
  await form.getByText('JSON', { exact: true }).first().click();
  await form.getByLabel('The trust as JSON').fill('{"name": ');
  await form.getByText('Form', { exact: true }).click();
  await form.getByText('This cannot be shown that way').waitFor();
  assert.equal(await form.getByLabel('The trust as JSON').inputValue(), '{"name": ');
}, { refused: [400] });

trustTest('trusts are searched, and a trust is disabled, edited and deleted', async ({ page, go, api, axe }) => {
  const [identifier, other] = [await newTrust(api), await newTrust(api, { identifier: own('other'), name: own('Another') })];
  await go('/trusts');
  await page.getByText(other, { exact: true }).waitFor();
  await page.getByLabel('Search identifiers, names and issuers').fill(identifier);
  await page.getByRole('link', { name: identifier }).waitFor();
  await page.getByText(other, { exact: true }).waitFor({ state: 'hidden' });
  await axe();
  await page.getByRole('link', { name: identifier }).click();
  await page.getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByText('disabled', { exact: true }).first().waitFor();
  assert.equal((await api.platform(`/ng/api/jwt-trusts/${identifier}`)).jwtTrust.enabled, false);
  await page.getByRole('button', { name: 'Enable' }).click();
  await page.getByRole('button', { name: 'Disable' }).waitFor();
  await page.getByRole('button', { name: 'Edit' }).click();
  const form = page.getByRole('dialog', { name: `Edit trust ${identifier}` });
  await form.getByLabel('Leeway in seconds').fill('7');
  await form.getByRole('button', { name: 'Add a rule' }).click();
  const rule = form.getByRole('group', { name: 'Rule 2' });
  await rule.getByRole('textbox', { name: 'Claim' }).fill('department');
  await rule.getByRole('textbox', { name: 'Value', exact: true }).fill('identity');
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByText('7 s', { exact: true }).waitFor();
  const { jwtTrust } = await api.platform(`/ng/api/jwt-trusts/${identifier}`);
  assert.equal(jwtTrust.leewaySeconds, 7);
  assert.deepEqual(jwtTrust.rules[1], { claim: 'department', op: 'equals', value: 'identity' });
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'JWT trusts' }).waitFor();
  await page.getByText(`Trust ${identifier} was deleted.`).waitFor();
  const { content } = await api.platform(`/ng/api/jwt-trusts?searchTerm=${identifier}`);
  assert.deepEqual(content, []);
});

trustTest('somebody else’s change in between is not overwritten', async ({ page, go, api }) => {
  const identifier = await newTrust(api);
  await go(`/trusts/${identifier}`);
  await page.getByRole('button', { name: 'Edit' }).click();
  const form = page.getByRole('dialog', { name: `Edit trust ${identifier}` });
  await form.getByLabel('Name').fill('Late');
  const { jwtTrust } = await api.platform(`/ng/api/jwt-trusts/${identifier}`);
  await api.platform(`/ng/api/jwt-trusts/${identifier}`, 'PUT', { ...jwtTrust, name: 'Early' });
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText('Somebody else changed it meanwhile').waitFor();
  assert.equal(await form.getByLabel('Name').inputValue(), 'Late');
  // The page has the other version by now; what was written goes by the one that it began with.
  await page.locator('h1').getByText('Early').waitFor();
  const again = page.waitForResponse((answer) => answer.request().method() === 'PUT');
  await form.getByRole('button', { name: 'Save' }).click();
  assert.equal((await again).status(), 412);
  assert.equal((await api.platform(`/ng/api/jwt-trusts/${identifier}`)).jwtTrust.name, 'Early');
  await form.getByRole('button', { name: 'Load the new state' }).click();
  await form.getByRole('alert').waitFor({ state: 'hidden' });
  assert.equal(await form.getByLabel('Name').inputValue(), 'Early');
  await form.getByLabel('Name').fill('Later');
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { level: 1, name: 'Later' }).waitFor();
  // Nor is what somebody else has made of it deleted unseen.
  await page.getByRole('button', { name: 'Delete' }).click();
  const question = page.getByRole('dialog', { name: `Delete trust ${identifier}?` });
  await api.platform(`/ng/api/jwt-trusts/${identifier}`, 'PUT', { ...jwtTrust, name: 'Last' });
  await question.getByRole('button', { name: 'Delete' }).click();
  await question.getByText('Somebody else changed it meanwhile').waitFor();
  assert.equal((await api.platform(`/ng/api/jwt-trusts/${identifier}`)).jwtTrust.name, 'Last');
  await question.getByRole('button', { name: 'Load the new state' }).click();
  await question.getByRole('alert').waitFor({ state: 'hidden' });
  await question.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'JWT trusts' }).waitFor();
}, { refused: [412] });

trustTest('a trust shows its keys, its last refusals and why', async ({ page, go, api, base, axe }) => {
  const identifier = await newTrust(api, { rules: [{ claim: 'client_id', op: 'equals', value: 'somebody-else' }] });
  // Of a client that no trust of another test takes.
  const token = await newToken(`${CLIENT}-rs256`);
  const refused = await fetch(`${base}/scim/v2/${ACCOUNT}/Users`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(refused.status, 401);
  await go(`/trusts/${identifier}`);
  const keys = page.getByRole('region', { name: 'Keys', exact: true });
  await keys.getByText('fresh', { exact: true }).waitFor();
  await keys.getByText('EdDSA').waitFor();
  await keys.getByRole('button', { name: 'Refresh now' }).click();
  await page.getByText('The keys were fetched.').waitFor();
  // Too soon again: in the server's words.
  await keys.getByRole('button', { name: 'Refresh now' }).click();
  await keys.getByText('Status 429').waitFor();
  const refusals = page.getByRole('region', { name: 'Last refusals' });
  await refusals.getByText('rule_mismatch').first().waitFor();
  await refusals.getByText('received "identity-sync-rs256"').first().waitFor();
  const here = page.getByRole('region', { name: 'Explain a token at this trust' });
  await explain(here, token);
  await here.getByText('refuses this token. It fails at step 17, rules').waitFor();
  await axe();
}, { refused: [429] });

trustTest('a JWT is explained at every trust: the verdict first, then each step', async ({ page, go, api, axe }) => {
  await newTrust(api, { identifier: own('far'), issuer: 'https://other.example.com' });
  const near = await newTrust(api, { identifier: own('near'), audiences: ['urn:somebody:else'] });
  const token = await newToken();
  await go('/explain');
  await axe();
  await explain(page, token);
  const verdict = page.getByRole('status').first();
  await verdict.getByText('Refused').or(verdict.getByText('Not yet')).or(verdict.getByText('Taken')).first().waitFor();
  const control = page.getByRole('button', { name: new RegExp(`^${near}`) });
  await control.waitFor();
  if ((await control.getAttribute('aria-expanded')) === 'false') await control.click();
  const steps = page.getByRole('table', { name: `Steps at ${near}` });
  const row = steps.getByRole('row').filter({ hasText: '15 audience' });
  await row.getByText('fail', { exact: true }).waitFor();
  await row.getByText('"urn:somebody:else"').waitFor();
  // The token says what it says, on the page alone; it has left the field and is nowhere else.
  await page.getByRole('region', { name: 'Claims of the token' }).getByText('"client_id": "identity-sync"').waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Token', exact: true }).inputValue(), '');
  const signature = token.split('.')[2];
  assert.equal(await page.evaluate((text) => document.documentElement.outerHTML.includes(text) || JSON.stringify({ ...sessionStorage, ...localStorage }).includes(text) || location.href.includes(text), signature), false);
  await axe();
});

trustTest('a token of the server’s own is explained, and nonsense, too', async ({ page, go, token, api, axe }) => {
  await newTrust(api);
  await go('/explain');
  await explain(page, token);
  await page.getByText('This personal access token holds. It opens: scim, platform.').waitFor();
  await page.getByRole('table', { name: 'Steps of this PAT' }).getByText('6 owner').waitFor();
  await axe();
  await explain(page, 'pat.acme.nobody.0000000000');
  await page.getByText('This personal access token does not hold. It fails at step 1, form').waitFor();
  await explain(page, 'nonsense');
  await page.getByText('It fails at step 2, structure').first().waitFor();
});

trustTest('who may only look is offered no change', async ({ page, go, api, axe }) => {
  const identifier = await newTrust(api);
  const account = await newServiceAccount(api);
  await asOther(page, await tokenOf(api, account, '_account_viewer'));
  await go(`/trusts/${identifier}`);
  await page.getByRole('heading', { name: 'What it takes' }).waitFor();
  await page.getByRole('region', { name: 'Keys', exact: true }).getByText('State').waitFor();
  for (const name of ['Edit', 'Delete', 'Disable', 'Refresh now']) assert.equal(await page.getByRole('button', { name }).count(), 0);
  await axe();
  await go('/trusts');
  await page.getByRole('link', { name: identifier }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'New trust' }).count(), 0);
  await go('/settings');
  const card = page.getByRole('region', { name: 'The default trust' });
  await card.waitFor();
  assert.equal(await card.getByRole('button').count(), 0);
  assert.equal(await page.getByRole('listitem', { name: 'SCIM dialect' }).getByRole('combobox').isDisabled(), true);
  await axe();
});

trustTest('a trust with a $ in its identifier is opened; long numbers stay what they are', async ({ page, go, api }) => {
  const name = own('Cash');
  const identifier = await newTrust(api, { identifier: own('cash$'), name, rules: [{ claim: 'project_id', op: 'equals', value: 7 }] });
  const org = own('org');
  await api.platform('/ng/api/organizations', 'POST', { organization: { identifier: org, name: org } });
  await go('/trusts');
  await page.getByRole('link', { name }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  await page.getByRole('button', { name: 'Edit' }).click();
  const form = page.getByRole('dialog', { name: `Edit trust ${identifier}` });
  const value = form.getByRole('group', { name: 'Rule 1' }).getByRole('textbox', { name: 'Value', exact: true });
  await value.fill('[9007199254740993, -18014398509481985]');
  const put = page.waitForRequest((request) => request.method() === 'PUT');
  await form.getByRole('button', { name: 'Save' }).click();
  assert.match((await put).postData(), /\[9007199254740993,-18014398509481985\]/);
  await form.waitFor({ state: 'detached' });
  // As it came, whatever else is changed.
  await page.getByRole('button', { name: 'Edit' }).click();
  assert.equal(await value.inputValue(), '[9007199254740993,-18014398509481985]');
  await form.getByRole('textbox', { name: 'Name' }).fill(own('Coins'));
  const again = page.waitForRequest((request) => request.method() === 'PUT');
  await form.getByRole('button', { name: 'Save' }).click();
  assert.match((await again).postData(), /\[9007199254740993,-18014398509481985\]/);
  await form.waitFor({ state: 'detached' });
  // Its service account is of the account, whatever scope is looked at.
  await page.getByRole('combobox', { name: 'Scope' }).fill(org);
  await page.getByRole('option', { name: org }).click();
  await page.getByRole('link', { name: /^Sync_/ }).click();
  await page.getByRole('region', { name: 'Facts' }).getByText('Account', { exact: true }).waitFor();
});

trustTest('a token that is put in while another is explained stays in the field', async ({ page, go }) => {
  await go('/explain');
  let answer;
  const held = new Promise((done) => (answer = done));
  await page.route('**/ng/api/jwt-trusts/explain?*', async (route) => {
    await held;
    await route.continue();
  });
  await explain(page, 'pat.acme.nobody.0000000000');
  const field = page.getByRole('textbox', { name: 'Token', exact: true });
  await field.fill('another');
  answer();
  await page.getByText('This personal access token does not hold').waitFor();
  assert.equal(await field.inputValue(), 'another');
});
