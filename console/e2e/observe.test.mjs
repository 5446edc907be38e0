// The provisioning log, the audit trail, the events and the SCIM schemas.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { ACCOUNT, asOther, consoleTest, tokenOf } from './kit.mjs';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const BULK = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

/** On a development server the tests share an account. */
const unique = (name) => `${name}${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;

const newUser = (api, userName) => api.scim('/Users', 'POST', { schemas: [USER], userName });

/** A SCIM request whatever it is answered; gives the id under which the log has it. */
async function sent(base, token, path, method, body, headers = {}) {
  const answer = await fetch(`${base}/scim/v2/${ACCOUNT}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, requestId: answer.headers.get('x-request-id') };
}

/** Entries are written a moment after the answer. */
async function entryOf(api, requestId) {
  for (let left = 200; left > 0; left -= 1) {
    const { entries } = await api.platform(`/ng/api/provisioning-log?requestId=${requestId}`);
    if (entries.length > 0) return entries[0];
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`the log has no entry of ${requestId}`);
}

/** A token of a new service account that has one role. */
async function tokenWith(api, role) {
  const identifier = unique('weak');
  await api.platform('/ng/api/serviceaccount', 'POST', { identifier, name: identifier });
  return tokenOf(api, identifier, role);
}

consoleTest('what people look at in the console is left out of the log until it is asked for', async ({ page, go, api }) => {
  const { id } = await newUser(api, `${unique('seen')}@example.com`);
  const read = page.waitForResponse((answer) => answer.url().endsWith(`/scim/v2/${ACCOUNT}/Users/${id}`));
  await go(`/users/${id}`);
  const entry = await entryOf(api, (await read).headers()['x-request-id']);
  assert.equal(entry.client.name, 'Muster console');
  await go('/log');
  const table = page.getByRole('table', { name: 'Provisioning log' });
  await page.getByLabel('Path or query contains').fill(id);
  await page.getByText('No entry fits these filters.').waitFor();
  await page.getByRole('button', { name: 'More filters' }).click();
  await page.getByLabel('What this console reads').selectOption('Shown');
  await table.getByRole('row', { name: /Muster console/ }).first().waitFor();
});

consoleTest('a refused request is found, understood, and replayed', async ({ page, go, api, axe, base, token }) => {
  const userName = `${unique('ann')}@example.com`;
  const { id } = await newUser(api, userName);
  const { status, requestId } = await sent(base, token, '/Users', 'POST', { userName, password: 'hunter2-secret' }, { 'user-agent': 'Okta SCIM Client 1.0.0' });
  assert.equal(status, 409);
  await entryOf(api, requestId);
  await go('/log');
  await page.getByLabel('Request id').fill(requestId);
  const table = page.getByRole('table', { name: 'Provisioning log' });
  await table.getByRole('row').nth(2).waitFor({ state: 'detached' });
  await table.getByText('uniqueness').waitFor();
  await table.getByText('Okta').waitFor();
  await axe();
  await table.getByRole('link', { name: 'POST /Users' }).click();
  await page.getByRole('heading', { level: 1, name: 'POST /Users' }).waitFor();
  await page.getByText('POST /Users of Okta was refused with 409 (uniqueness)').waitFor();
  await page.getByText('match the provider', { exact: false }).waitFor();
  const request = page.getByRole('region', { name: 'Request body' });
  await request.locator('mark').waitFor();
  assert.doesNotMatch(await page.locator('main').innerText(), /hunter2/);
  await page.getByText('/password').waitFor();
  await page.getByText('incomplete-schemas').waitFor();
  await page.getByText(requestId).first().waitFor();
  await page.getByRole('button', { name: 'Replay as dry run' }).click();
  await page.getByText('The answer is the same.').waitFor();
  await axe();

  await api.scim(`/Users/${id}`, 'DELETE');
  await page.getByRole('button', { name: 'Replay as dry run' }).click();
  const differences = page.getByRole('table', { name: 'Differences' });
  await differences.getByRole('cell', { name: 'body/scimType' }).waitFor();
  await page.getByText('Left out, since it was blacked out in the log:').waitFor();
  await axe();
  assert.equal((await api.scim(`/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`)).totalResults, 0);
});

consoleTest('a request leads to its user; a bulk request shows what failed of it', async ({ page, go, api, axe, base, token }) => {
  const userName = `${unique('bob')}@example.com`;
  const { id } = await newUser(api, userName);
  const patch = await sent(base, token, `/Users/${id}`, 'PATCH', { schemas: [PATCH], Operations: [{ op: 'Replace', path: 'active', value: 'False' }] });
  await go(`/log/${(await entryOf(api, patch.requestId)).id}`);
  await page.getByRole('cell', { name: 'string-boolean' }).waitFor();
  await page.getByRole('link', { name: userName }).waitFor();
  assert.match(await page.getByRole('link', { name: userName }).getAttribute('href'), new RegExp(`#/users/${id}$`));

  const bulk = await sent(base, token, '/Bulk', 'POST', {
    schemas: [BULK],
    Operations: [
      { method: 'POST', path: '/Users', bulkId: 'new', data: { schemas: [USER], userName: `${unique('eve')}@example.com` } },
      { method: 'POST', path: '/Users', bulkId: 'old', data: { schemas: [USER], userName: 'not one "' } },
      { method: 'DELETE', path: '/Users/nobody' },
    ],
  });
  const entry = await entryOf(api, bulk.requestId);
  assert.ok(entry.failedOperations > 0);
  await go(`/log/${entry.id}`);
  await page.getByText(`${entry.failedOperations} of its 3 operations failed`).waitFor();
  await page.getByRole('table', { name: 'Operations that failed' }).getByText('DELETE /Users/nobody').waitFor();
  await axe();
});

consoleTest('filters that do not fit are refused in the words of the server, and stay', async ({ page, go, axe }) => {
  await go('/log');
  await page.getByLabel('Answer').fill('nope');
  await page.getByText('"nope" is no status').waitFor();
  assert.equal(await page.getByLabel('Answer').inputValue(), 'nope');
  await page.getByRole('button', { name: 'More filters' }).click();
  await page.getByRole('combobox', { name: 'Client' }).waitFor();
  await axe();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByText('"nope" is no status').waitFor({ state: 'hidden' });
}, { refused: [400] });

consoleTest('the log is followed live, and exported as filtered', async ({ page, go, api }) => {
  const mark = unique('live');
  await go('/log');
  await page.getByLabel('Path or query contains').fill(mark);
  await page.getByText('No entry fits these filters.').waitFor();
  await page.getByRole('switch', { name: 'Live' }).check();
  await api.scim(`/Users?filter=${encodeURIComponent(`userName eq "${mark}"`)}`);
  await page.getByRole('link', { name: new RegExp(mark) }).waitFor();
  await page.evaluate(() => delete window.showSaveFilePicker);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export as NDJSON' }).click();
  const file = await download;
  assert.match(file.suggestedFilename(), /\.ndjson$/);
  const lines = readFileSync(await file.path(), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.length, 1);
  assert.match(lines[0].query, new RegExp(mark));
  assert.ok(lines[0].response.body);
});

consoleTest('the log is exported into a file that the person chooses, as it comes', async ({ page, go, api }) => {
  const mark = unique('file');
  await api.scim(`/Users?filter=${encodeURIComponent(`userName eq "${mark}"`)}`);
  await go('/log');
  // The window of the system cannot be pressed by a test; the file is a real one of the browser's own.
  await page.evaluate(() => {
    window.showSaveFilePicker = async ({ suggestedName }) => {
      window.chosen = await (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
      return window.chosen;
    };
  });
  const filtered = page.waitForResponse((answer) => answer.url().includes(mark));
  await page.getByLabel('Path or query contains').fill(mark);
  await filtered;
  await page.getByRole('link', { name: new RegExp(mark) }).waitFor();
  await page.getByRole('button', { name: 'Export as NDJSON' }).click();
  await page.getByText('The entries are exported.').waitFor();
  const { name, text } = await page.evaluate(async () => ({ name: window.chosen.name, text: await (await window.chosen.getFile()).text() }));
  assert.match(name, /\.ndjson$/);
  assert.match(JSON.parse(text.trim()).query, new RegExp(mark));
});

consoleTest('where no file can be chosen a long export ends with a whole line, and with how to get the rest', async ({ page, go, axe }) => {
  const line = (timestamp) => `${JSON.stringify({ timestamp, filler: 'x'.repeat(1 << 20) })}\n`;
  const body = Array.from({ length: 34 }, (_, back) => line(Date.UTC(2026, 0, 1, 12) - back * 60_000)).join('');
  await page.route('**/provisioning-log/export?*', (route) => route.fulfill({ body }));
  await go('/log');
  await page.evaluate(() => delete window.showSaveFilePicker);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export as NDJSON' }).click();
  const lines = readFileSync(await (await download).path(), 'utf8').trimEnd().split('\n').map((text) => JSON.parse(text));
  assert.ok(lines.length > 30 && lines.length < 34, String(lines.length));
  const window = page.getByRole('dialog', { name: 'Not all entries are in the file' });
  await window.locator(`time[datetime="${new Date(lines.at(-1).timestamp).toISOString()}"]`).waitFor();
  await window.getByText('curl').waitFor();
  await axe();
});

consoleTest('numbers of events are shown to their last digit', async ({ page, go }) => {
  await page.route('**/ng/api/events?*', async (route) => {
    const after = new URL(route.request().url()).searchParams.get('after');
    const event = '{"number": 9007199254740993, "time": "2026-01-01T00:00:00Z", "type": "user.created", "resourceType": "User", "resourceId": "x", "userName": "far"}';
    const body = `{"data": {"events": [${after ? event : ''}], "next": 9007199254740993, "latest": 9007199254740993, "oldest": 9007199254740993}}`;
    await route.fulfill({ contentType: 'application/json', body });
  });
  const asked = page.waitForRequest((request) => request.url().includes('after=9007199254740992'));
  await go('/events');
  await page.getByRole('cell', { name: '9007199254740993' }).waitFor();
  await page.getByText('Kept: 9007199254740993 to 9007199254740993').waitFor();
  await page.getByText('Seen up to number 9007199254740993.').waitFor();
  await asked;
});

consoleTest('a long number of a user is shown to its last digit, and goes back so', async ({ page, go, api, base, token }) => {
  const name = unique('Badge');
  const schema = `urn:example:params:scim:schemas:extension:${name.toLowerCase()}:1.0:User`;
  await api.platform('/ng/api/scim-schemas', 'POST', { id: schema, name, appliesTo: 'User', attributes: [{ name: 'number', type: 'integer' }] });
  const body = `{"schemas": ["${USER}", "${schema}"], "userName": "${unique('long')}@example.com", "${schema}": {"number": 9007199254740993}}`;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
  const { id } = await (await fetch(`${base}/scim/v2/${ACCOUNT}/Users`, { method: 'POST', headers, body })).json();
  await go(`/users/${id}`);
  await page.getByText('9007199254740993').first().waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Edit as JSON' }).click();
  const form = page.getByRole('dialog', { name: 'Edit as JSON' });
  const put = page.waitForRequest((request) => request.method() === 'PUT');
  await form.getByRole('button', { name: 'Replace (PUT)' }).click();
  assert.match((await put).postData(), /9007199254740993/);
  await page.getByText('The user is replaced.').waitFor();
});

consoleTest('pages of the log go back and forth by cursor', async ({ page, go, api }) => {
  const mark = unique('many');
  for (let left = 60; left > 0; left -= 1) await api.scim(`/Users?filter=${encodeURIComponent(`userName eq "${mark}-${left}"`)}`);
  await go('/log');
  const filtered = page.waitForResponse((answer) => answer.url().includes(mark));
  await page.getByLabel('Path or query contains').fill(mark);
  await filtered;
  await page.getByRole('link', { name: `${mark}-1"` }).waitFor();
  await page.getByRole('button', { name: 'Older' }).click();
  await page.getByRole('link', { name: `${mark}-60"` }).waitFor();
  await page.getByRole('button', { name: 'Newer' }).click();
  await page.getByRole('link', { name: `${mark}-1"` }).waitFor();
  // A cursor does not hold for other filters: they begin with the newest.
  await page.getByRole('button', { name: 'Older' }).click();
  await page.getByRole('link', { name: `${mark}-60"` }).waitFor();
  await page.getByLabel('Path or query contains').fill(`${mark}-7`);
  await page.getByRole('link', { name: `${mark}-7"` }).click();
  await page.getByRole('heading', { level: 1, name: 'GET /Users' }).waitFor();
  await page.goBack();
  await page.getByRole('link', { name: `${mark}-7"` }).waitFor();
  assert.equal(await page.getByLabel('Path or query contains').inputValue(), `${mark}-7`);
});

consoleTest('the audit trail says who changed what, and by which request', async ({ page, go, api, axe, base, token }) => {
  const name = unique('Robot');
  await api.platform('/ng/api/serviceaccount', 'POST', { identifier: name, name });
  const userName = `${unique('carl')}@example.com`;
  const { requestId } = await sent(base, token, '/Users', 'POST', { schemas: [USER], userName });
  await entryOf(api, requestId);
  await go('/audit');
  await page.getByRole('button', { name }).click();
  const window = page.getByRole('dialog', { name: 'CREATE of SERVICE_ACCOUNT' });
  await window.getByRole('table', { name: 'Before and after' }).getByRole('cell', { name, exact: true }).first().waitFor();
  await window.getByText('127.0.0.1').waitFor();
  await axe();
  await page.keyboard.press('Escape');
  await window.waitFor({ state: 'hidden' });

  await page.getByRole('combobox', { name: 'Kinds' }).or(page.getByRole('textbox', { name: 'Kinds' })).first().click();
  await page.getByRole('option', { name: 'USER', exact: true }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name }).waitFor({ state: 'hidden' });
  await page.getByLabel('Who').fill('nobody-at-all');
  await page.getByText('No change fits these filters.').waitFor();
  await axe();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByRole('button', { name: userName }).click();
  await page.getByRole('dialog').getByRole('link', { name: 'In the provisioning log' }).click();
  await page.getByRole('heading', { level: 1, name: 'POST /Users' }).waitFor();
  await page.getByText(requestId).first().waitFor();
});

consoleTest('events are read from a number on, and followed as they come', async ({ page, go, api, axe }) => {
  const first = `${unique('dora')}@example.com`;
  const { id } = await newUser(api, first);
  const { latest } = await api.platform('/ng/api/events');
  await go('/events');
  await page.getByRole('link', { name: first }).waitFor();
  await axe();
  await page.getByLabel('After number').fill(String(latest - 1));
  await page.getByRole('button', { name: 'Go' }).click();
  await page.getByText(`Seen up to number ${latest}.`).waitFor();
  assert.equal(await page.getByRole('table', { name: 'Events' }).getByRole('row').count(), 2);
  await page.getByRole('switch', { name: 'Live' }).check();
  await page.getByText('waiting for the next one').waitFor();
  await api.scim(`/Users/${id}`, 'PATCH', { schemas: [PATCH], Operations: [{ op: 'replace', path: 'title', value: 'Boss' }] });
  const row = page.getByRole('row').filter({ hasText: 'user.updated' });
  await row.getByText('title').waitFor();
  await page.getByRole('switch', { name: 'Live' }).uncheck();

  await page.getByLabel('After number').fill('999999999');
  await page.getByRole('button', { name: 'Go' }).click();
  await page.getByText('These numbers are not there').waitFor();
  assert.equal(await page.getByLabel('After number').inputValue(), '999999999');
  await axe();
  await page.getByRole('button', { name: 'Show the newest' }).click();
  await page.getByRole('link', { name: first }).first().waitFor();
}, { refused: [410] });

consoleTest('a complex attribute is made with its sub-attributes in the form', async ({ page, go, api, axe }) => {
  const name = unique('Desk');
  const id = `urn:example:params:scim:schemas:extension:${name.toLowerCase()}:1.0:User`;
  await go('/schemas');
  await page.getByRole('button', { name: 'Create an extension' }).click();
  const form = page.getByRole('dialog', { name: 'New extension' });
  await form.getByLabel('Name', { exact: true }).fill(name);
  await form.getByRole('textbox', { name: 'URN' }).fill(id);
  await form.getByLabel('Name of attribute 1').fill('desks');
  await form.getByLabel('Type of attribute 1').selectOption('complex');
  await form.getByRole('checkbox', { name: 'A list: attribute 1', exact: true }).check();
  const desks = form.getByRole('region', { name: 'Sub-attributes of desks' });
  assert.equal(await desks.getByLabel('Name of sub-attribute 1 of desks').inputValue(), 'value');
  await desks.getByRole('button', { name: 'Add a sub-attribute of desks' }).click();
  await desks.getByLabel('Name of sub-attribute 2 of desks').fill('floor');
  await desks.getByLabel('Type of sub-attribute 2 of desks').selectOption('integer');
  await axe();
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'hidden' });
  const made = await api.platform(`/ng/api/scim-schemas/${encodeURIComponent(id)}`);
  const told = ({ name, type, multiValued, subAttributes }) => [name, type, multiValued, ...(subAttributes ?? []).map(told)];
  assert.deepEqual(made.attributes.map(told), [['desks', 'complex', true, ['value', 'string', false], ['floor', 'integer', false]]]);
});

consoleTest('an extension is made in a form, changed as JSON, and deleted', async ({ page, go, api, axe }) => {
  const name = unique('Badge');
  const urn = `urn:example:params:scim:schemas:extension:${name}:1.0:User`;
  await go('/schemas');
  await page.getByRole('button', { name: 'Create an extension' }).click();
  const form = page.getByRole('dialog', { name: 'New extension' });
  await form.getByLabel('Name', { exact: true }).fill(name);
  await form.getByRole('textbox', { name: 'URN' }).fill('no urn');
  await form.getByLabel('Name of attribute 1').fill('number');
  await form.getByLabel('Uniqueness of attribute 1').selectOption('server');
  await form.getByRole('button', { name: 'Add an attribute' }).click();
  await form.getByLabel('Name of attribute 2').fill('floor');
  await form.getByLabel('Type of attribute 2').selectOption('integer');
  await form.getByRole('button', { name: 'Create', exact: true }).click();
  await form.getByText('must be a URN', { exact: false }).first().waitFor();
  assert.equal(await form.getByLabel('Name of attribute 2').inputValue(), 'floor');
  await axe();
  // What the form cannot show stays as it was written.
  await form.getByText('JSON', { exact: true }).click();
  const typed = await form.getByLabel('Definition').inputValue();
  await form.getByLabel('Definition').fill('{"attributes": "x"}');
  await form.getByText('Form', { exact: true }).click();
  await form.getByText('The form cannot show this').waitFor();
  await form.getByLabel('Definition').fill(typed);
  await form.getByText('Form', { exact: true }).click();
  await form.getByRole('textbox', { name: 'URN' }).fill(urn);
  await form.getByRole('button', { name: 'Create', exact: true }).click();
  await form.waitFor({ state: 'hidden' });
  const made = await api.platform(`/ng/api/scim-schemas/${encodeURIComponent(urn)}`);
  assert.deepEqual(made.attributes.map((one) => [one.name, one.type, one.uniqueness]), [['number', 'string', 'server'], ['floor', 'integer', 'none']]);

  await page.getByRole('button', { name: `Edit ${name}` }).click();
  const edit = page.getByRole('dialog', { name: `Replace ${name}` });
  await edit.getByText('JSON', { exact: true }).click();
  const text = edit.getByLabel('Definition');
  const written = await text.inputValue();
  await text.fill('{"name":');
  await edit.getByRole('button', { name: 'Replace' }).click();
  await edit.getByText('That did not work').waitFor();
  assert.equal(await text.inputValue(), '{"name":');
  await text.fill(JSON.stringify({ ...JSON.parse(written), description: 'For doors' }));
  await axe();
  await edit.getByText('Form', { exact: true }).click();
  assert.equal(await edit.getByLabel('Description').inputValue(), 'For doors');
  await edit.getByRole('button', { name: 'Replace' }).click();
  await edit.waitFor({ state: 'hidden' });
  assert.equal((await api.platform(`/ng/api/scim-schemas/${encodeURIComponent(urn)}`)).description, 'For doors');

  await page.getByRole('button', { name, exact: true }).click();
  await page.getByRole('table', { name: `Attributes of ${name}` }).getByText('number').waitFor();
  await axe();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: `Delete ${name}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: `Delete ${name}` }).waitFor({ state: 'hidden' });
  assert.ok(!(await api.platform('/ng/api/scim-schemas')).some((one) => one.id === urn));
}, { refused: [400] });

consoleTest('a resource type is made and is refused to go while it has resources', async ({ page, go, api, axe }) => {
  const name = unique('Device');
  const urn = `urn:example:params:scim:schemas:${name}:1.0:${name}`;
  await go('/schemas');
  await page.getByRole('tab', { name: 'Resource types' }).click();
  await page.getByRole('button', { name: 'Create a resource type' }).click();
  const form = page.getByRole('dialog', { name: 'New resource type' });
  await form.getByLabel('Name', { exact: true }).fill(name);
  await form.getByLabel('Endpoint').fill(`/${name}s`);
  await form.getByLabel('Name of the schema').fill(name);
  await form.getByLabel('URN of the schema').fill(urn);
  await form.getByLabel('Name of attribute 1').fill('serial');
  await axe();
  await form.getByRole('button', { name: 'Create', exact: true }).click();
  await form.waitFor({ state: 'hidden' });
  const { id } = await api.scim(`/${name}s`, 'POST', { schemas: [urn], serial: '1' });

  await page.getByRole('button', { name: `Delete ${name}` }).click();
  const question = page.getByRole('dialog');
  await question.getByRole('button', { name: 'Delete' }).click();
  await question.getByText('That did not work').waitFor();
  await api.scim(`/${name}s/${id}`, 'DELETE');
  await question.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: `Delete ${name}` }).waitFor({ state: 'hidden' });

  await page.getByRole('tab', { name: 'All schemas' }).click();
  await page.getByRole('button', { name: 'Show Enterprise User' }).click();
  await page.getByRole('table', { name: 'Attributes of Enterprise User' }).getByText('costCenter').waitFor();
  await axe();
}, { refused: [400] });

consoleTest('who may only look is offered no changes, and who may not look is told so', async ({ page, go, api }) => {
  const viewer = await tokenWith(api, '_account_viewer');
  const basic = await tokenWith(api, '_account_basic');
  const name = unique('Seen');
  const id = `urn:example:params:scim:schemas:extension:${name}:1.0:User`;
  await api.platform('/ng/api/scim-schemas', 'POST', { id, name, appliesTo: 'User', attributes: [{ name: 'number', type: 'string' }] });
  await asOther(page, viewer);
  await go('/schemas');
  await page.getByRole('button', { name, exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Create an extension' }).count(), 0);
  assert.equal(await page.getByRole('button', { name: /^(Edit|Delete) / }).count(), 0);
  await asOther(page, basic);
  await page.reload();
  await go('/log');
  await page.getByText('Provisioning log could not be loaded').waitFor();
  await page.getByText('Status 403').waitFor();
  await api.platform(`/ng/api/scim-schemas/${encodeURIComponent(id)}`, 'DELETE');
}, { refused: [403] });
