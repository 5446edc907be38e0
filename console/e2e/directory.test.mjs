import assert from 'node:assert/strict';

import { asOther, consoleTest, tokenOf } from './kit.mjs';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

// Of this run: with a server of several runs they meet nobody.
const mark = Date.now().toString(36);
const named = (name) => `${name}-${mark}`;

const makeUser = (api, name, more = {}) =>
  api.scim('/Users', 'POST', {
    schemas: [USER],
    userName: `${named(name)}@example.com`,
    displayName: named(name),
    emails: [{ value: `${named(name)}@example.com`, type: 'work', primary: true }],
    ...more,
  });

const makeGroup = (api, name, members = []) =>
  api.scim('/Groups', 'POST', { schemas: [GROUP], displayName: named(name), members: members.map(({ id }) => ({ value: id })) });

async function usersBy(api, filter) {
  const { Resources = [] } = await api.scim(`/Users?filter=${encodeURIComponent(filter)}`);
  return Resources;
}

consoleTest('the overview says what the account is and what was refused', async ({ page, go, api, axe }) => {
  await makeUser(api, 'overview');
  const taken = api.scim('/Users', 'POST', { schemas: [USER], userName: `${named('overview')}@example.com` });
  await assert.rejects(taken, /409/);
  // The log is written beside the requests.
  for (let found = 0; found === 0; ) found = (await api.platform('/ng/api/provisioning-log?failuresOnly=true')).entries.length;
  await go('/');
  assert.equal(await page.getByRole('textbox', { name: 'SCIM base URL' }).inputValue(), `${new URL(page.url()).origin}/scim/v2/acme`);
  await page.getByRole('button', { name: 'Copy the SCIM base URL' }).waitFor();
  const { totalResults } = await api.scim('/Groups?count=0');
  await page.getByRole('region', { name: 'Users and groups' }).getByText(String(totalResults), { exact: true }).first().waitFor();
  const refused = page.getByRole('table', { name: 'Refused requests' });
  await refused.getByText('uniqueness').first().waitFor();
  await axe();
  await refused.getByRole('link').first().click();
  await page.waitForURL(/#\/log\/.+/);
});

consoleTest('a new account is told what to do next', async ({ page, go, api, axe }) => {
  const { totalItems } = await api.platform('/ng/api/serviceaccount/aggregate?pageSize=1');
  const { totalResults } = await api.scim('/Users?count=0');
  await go('/');
  await page.getByRole('table', { name: 'Refused requests' }).or(page.getByText('None is on record.')).waitFor();
  if (totalItems === 0 || totalResults === 1) await page.getByRole('heading', { name: 'What to do next' }).waitFor();
  await axe();
});

consoleTest('users are found by a text and by a filter', async ({ page, go, api, axe }) => {
  await makeUser(api, 'find');
  await makeUser(api, 'hidden', { active: false });
  const odd = await makeUser(api, 'odd', { displayName: `quo"te\\${mark}` });
  await go('/users');
  const table = page.getByRole('table', { name: 'Users' });
  await table.getByRole('columnheader', { name: 'User name' }).waitFor();
  await axe();
  const search = page.getByLabel('Search user names, display names and e-mails');
  await search.fill(named('find').toUpperCase());
  await table.getByRole('link', { name: `${named('find')}@example.com` }).waitFor();
  await page.getByText('1 in all').waitFor();
  await search.fill(`O"TE\\${mark}`);
  await table.getByRole('link', { name: odd.userName }).waitFor();
  await search.fill('nobody has this name');
  await page.getByText('Nobody matches.').waitFor();
  await search.fill(mark);
  await table.getByText('inactive').waitFor();
  await page.getByRole('button', { name: 'SCIM filter' }).click();
  const filter = page.getByLabel('SCIM filter');
  // The search goes on as the filter that it was.
  assert.match(await filter.inputValue(), new RegExp(`userName co "${mark}"`));
  await filter.fill(`active eq false and displayName eq "${named('hidden')}"`);
  await filter.press('Enter');
  await page.getByText('1 in all').waitFor();
  await table.getByRole('link', { name: `${named('hidden')}@example.com` }).waitFor();
  await axe();
});

consoleTest('a filter that is wrong is refused in the words of the server', async ({ page, go, axe }) => {
  await go('/users');
  await page.getByRole('button', { name: 'SCIM filter' }).click();
  await page.getByLabel('SCIM filter').fill('userName equals "x"');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByText('expected an operator').waitFor();
  await page.getByText('invalidFilter').waitFor();
  assert.equal(await page.getByLabel('SCIM filter').inputValue(), 'userName equals "x"');
  await axe();
}, { refused: [400] });

consoleTest('users are shown page by page', async ({ page, go, api }) => {
  for (let number = 0; number < 27; number += 1) await makeUser(api, `page${String(number).padStart(2, '0')}`);
  await go('/users');
  await page.getByRole('button', { name: 'SCIM filter' }).click();
  await page.getByLabel('SCIM filter').fill(`displayName sw "page" and displayName ew "${mark}"`);
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByText('1–25 of 27').waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('26–27 of 27').waitFor();
  await page.getByRole('link', { name: named('page26') }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Next' }).isDisabled(), true);
  await page.getByRole('button', { name: 'Previous' }).click();
  await page.getByText('1–25 of 27').waitFor();
});

consoleTest('a user is created, and a name that is taken is refused and kept', async ({ page, go, api, axe }) => {
  await makeUser(api, 'taken');
  await go('/users');
  await page.getByRole('button', { name: 'New user' }).click();
  const form = page.getByRole('dialog', { name: 'New user' });
  await form.getByLabel('User name').fill(`${named('taken')}@example.com`);
  await form.getByLabel('Given name').fill('Grace');
  await form.getByLabel('E-mail 1', { exact: true }).fill(`${named('grace')}@example.com`);
  await form.getByLabel('Department').fill('Sales');
  await axe();
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText('Status 409').waitFor();
  assert.equal(await form.getByLabel('Given name').inputValue(), 'Grace');
  await form.getByLabel('User name').fill(`${named('grace')}@example.com`);
  await form.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { level: 1, name: `${named('grace')}@example.com` }).waitFor();
  const [made] = await usersBy(api, `userName eq "${named('grace')}@example.com"`);
  assert.equal(made.name.givenName, 'Grace');
  assert.equal(made[ENTERPRISE].department, 'Sales');
  assert.deepEqual(made.emails, [{ value: `${named('grace')}@example.com`, type: 'work', primary: true }]);
  assert.equal(made.active, true);
}, { refused: [409] });

consoleTest('a user is edited: what was changed, and nothing else', async ({ page, go, api, axe }) => {
  const user = await makeUser(api, 'edit', { title: 'Old', nickName: 'Kept', externalId: 'gone' });
  await go(`/users/${user.id}`);
  await page.getByRole('heading', { name: 'Role assignments' }).waitFor();
  await axe();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const form = page.getByRole('dialog', { name: 'Edit user' });
  assert.equal(await form.getByRole('button', { name: 'Save' }).isDisabled(), true);
  await form.getByLabel('Title').fill('New');
  await form.getByLabel('External id').fill('');
  await form.getByRole('button', { name: 'Add an e-mail' }).click();
  await form.getByLabel('E-mail 2', { exact: true }).fill(`${named('second')}@example.com`);
  await form.getByLabel('E-mail 2 is the primary one').check();
  await axe();
  await form.getByRole('button', { name: 'Save' }).click();
  await form.waitFor({ state: 'hidden' });
  const after = await api.scim(`/Users/${user.id}`);
  assert.equal(after.title, 'New');
  assert.equal(after.nickName, 'Kept');
  assert.equal(after.externalId, undefined);
  assert.equal(after.emails.find((email) => email.primary).value, `${named('second')}@example.com`);
  await page.getByRole('table', { name: 'E-mails' }).getByText(named('second')).waitFor();
});

consoleTest('a user is replaced as JSON, of which bad syntax is not sent', async ({ page, go, api, axe }) => {
  const user = await makeUser(api, 'json', { title: 'Old' });
  await go(`/users/${user.id}`);
  await page.getByRole('button', { name: 'Edit as JSON' }).click();
  const form = page.getByRole('dialog', { name: 'Edit as JSON' });
  const text = form.getByLabel('Resource');
  await text.fill('{"userName": ');
  await form.getByText('This is no JSON').waitFor();
  assert.equal(await form.getByRole('button', { name: 'Replace' }).isDisabled(), true);
  await axe();
  await text.fill(JSON.stringify({ schemas: [USER], userName: '' }));
  await form.getByRole('button', { name: 'Replace' }).click();
  await form.getByText('Status 400').waitFor();
  await text.fill(JSON.stringify({ schemas: [USER], userName: user.userName, nickName: 'Jay' }));
  await form.getByRole('button', { name: 'Replace' }).click();
  await form.waitFor({ state: 'hidden' });
  const after = await api.scim(`/Users/${user.id}`);
  assert.equal(after.nickName, 'Jay');
  assert.equal(after.title, undefined);
}, { refused: [400] });

consoleTest('a user is deactivated, activated and deleted', async ({ page, go, api, axe }) => {
  const user = await makeUser(api, 'life');
  await go(`/users/${user.id}`);
  const profile = page.getByRole('region', { name: 'Profile' });
  await page.getByRole('button', { name: 'Deactivate' }).click();
  const question = page.getByRole('dialog');
  await question.getByText('tokens of the user are refused').waitFor();
  await axe();
  await question.getByRole('button', { name: 'Deactivate' }).click();
  await profile.getByText('inactive').waitFor();
  assert.equal((await api.scim(`/Users/${user.id}`)).active, false);
  await page.getByRole('button', { name: 'Activate' }).click();
  await page.getByRole('button', { name: 'Deactivate' }).waitFor();
  assert.equal((await api.scim(`/Users/${user.id}`)).active, true);
  await page.getByRole('button', { name: 'Delete' }).click();
  await question.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'Users' }).waitFor();
  assert.deepEqual(await usersBy(api, `userName eq "${user.userName}"`), []);
});

consoleTest('a user shows groups, direct and indirect, and role assignments', async ({ page, go, api, axe }) => {
  const user = await makeUser(api, 'grouped');
  const inner = await makeGroup(api, 'inner', [user]);
  await makeGroup(api, 'outer', [inner]);
  await api.platform('/authz/api/roleassignments', 'POST', {
    roleIdentifier: '_account_viewer',
    resourceGroupIdentifier: '_all_account_level_resources',
    principal: { identifier: user.id, type: 'USER' },
  });
  await go(`/users/${user.id}`);
  const groups = page.getByRole('table', { name: 'Groups of the user' });
  await groups.getByRole('row', { name: `${named('outer')} indirect` }).waitFor();
  await page.getByRole('table', { name: 'Role assignments' }).getByText('_account_viewer').waitFor();
  await axe();
  await groups.getByRole('link', { name: named('inner') }).click();
  await page.getByRole('heading', { level: 1, name: named('inner') }).waitFor();
  await page.getByRole('table', { name: 'Groups it is in' }).getByText(named('outer')).waitFor();
});

consoleTest('a group is created, renamed and deleted', async ({ page, go, api, axe }) => {
  await go('/groups');
  await page.getByRole('table', { name: 'Groups' }).or(page.getByText('There are no groups yet.')).waitFor();
  await axe();
  await page.getByRole('button', { name: 'New group' }).click();
  const making = page.getByRole('dialog', { name: 'New group' });
  await making.getByLabel('Display name').fill('   ');
  await making.getByRole('button', { name: 'Create' }).click();
  await making.getByText('Status 400').waitFor();
  await making.getByLabel('Display name').fill(named('made'));
  await making.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { level: 1, name: named('made') }).waitFor();
  await page.getByText('Nobody is in this group.').waitFor();
  await axe();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const editing = page.getByRole('dialog', { name: 'Edit group' });
  await editing.getByLabel('Display name').fill(named('renamed'));
  await axe();
  await editing.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { level: 1, name: named('renamed') }).waitFor();
  const filter = encodeURIComponent(`displayName eq "${named('renamed')}"`);
  assert.equal((await api.scim(`/Groups?count=0&filter=${filter}`)).totalResults, 1);
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'Groups' }).waitFor();
  assert.equal((await api.scim(`/Groups?count=0&filter=${filter}`)).totalResults, 0);
}, { refused: [400] });

consoleTest('members come into a group and go', async ({ page, go, api, axe }) => {
  const [first, second] = [await makeUser(api, 'first'), await makeUser(api, 'second')];
  const inner = await makeGroup(api, 'within', [second]);
  const group = await makeGroup(api, 'team');
  const valuesOf = async () => ((await api.scim(`/Groups/${group.id}`)).members ?? []).map((member) => member.value);
  await go(`/groups/${group.id}`);
  await page.getByRole('button', { name: 'Add members' }).click();
  const adding = page.getByRole('dialog');
  await adding.getByLabel('Search users').fill(named('first'));
  await adding.getByRole('button', { name: `Add ${first.userName}` }).click();
  // Who is in is no candidate any more.
  await adding.getByText('Nothing matches.').waitFor();
  assert.deepEqual(await valuesOf(), [first.id]);
  await adding.getByText('Groups', { exact: true }).click();
  await adding.getByLabel('Search groups').fill(named('within'));
  await adding.getByRole('button', { name: `Add ${named('within')}` }).waitFor();
  await axe();
  await adding.getByRole('button', { name: `Add ${named('within')}` }).click();
  await adding.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('table', { name: 'Inner groups' }).getByText(named('within')).waitFor();
  assert.deepEqual((await valuesOf()).sort(), [first.id, inner.id].sort());

  const members = page.getByRole('table', { name: 'Members' });
  await members.getByText(first.userName).first().waitFor();
  assert.equal(await members.getByRole('link', { name: second.userName }).count(), 0);
  await page.getByText('With those of inner groups').click();
  await members.getByRole('link', { name: second.userName }).waitFor();
  await page.getByText('Direct', { exact: true }).click();
  await page.getByRole('button', { name: `Remove ${first.userName}` }).click();
  await page.getByRole('dialog').getByText('The user stays in the account').waitFor();
  await axe();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Nobody is in this group.').waitFor();
  assert.deepEqual(await valuesOf(), [inner.id]);
});

consoleTest('organizations and projects are made, edited and deleted', async ({ page, go, api, axe }) => {
  const org = `org_${mark}`;
  await go('/organizations');
  await page.getByRole('table', { name: 'Organizations' }).waitFor();
  await axe();
  await page.getByRole('button', { name: 'New organization' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name').fill(`org ${mark}`);
  assert.equal(await form.getByLabel('Identifier').inputValue(), org);
  await form.getByLabel('Identifier').fill('1 wrong');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText('Status 400').waitFor();
  assert.equal(await form.getByLabel('Name').inputValue(), `org ${mark}`);
  await form.getByLabel('Identifier').fill(org);
  await form.getByLabel('Tags').fill('team=core');
  await form.getByLabel('Tags').press('Enter');
  await axe();
  await form.getByRole('button', { name: 'Create' }).click();
  await form.waitFor({ state: 'hidden' });
  assert.deepEqual((await api.platform(`/ng/api/organizations/${org}`)).organization.tags, { team: 'core' });

  await page.getByRole('button', { name: `Projects ${org}` }).click();
  await page.getByText('It has no projects.').waitFor();
  await page.getByRole('button', { name: 'New project' }).click();
  await form.getByLabel('Name').fill('CRM');
  await form.getByRole('button', { name: 'Create' }).click();
  const projects = page.getByRole('table', { name: 'Projects' });
  await projects.getByText('CRM').first().waitFor();
  await page.getByRole('button', { name: 'Edit CRM' }).click();
  await form.getByLabel('Description').fill('Customers');
  await form.getByRole('button', { name: 'Save' }).click();
  await projects.getByText('Customers').waitFor();
  assert.equal((await api.platform(`/ng/api/projects/CRM?orgIdentifier=${org}`)).project.description, 'Customers');
  await page.getByRole('button', { name: 'Delete CRM' }).click();
  await form.getByLabel('to go on').fill('CRM');
  await form.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('It has no projects.').waitFor();

  await page.getByRole('button', { name: `Delete ${org}` }).click();
  assert.equal(await form.getByRole('button', { name: 'Delete' }).isDisabled(), true);
  await axe();
  await form.getByLabel('to go on').fill(org);
  await form.getByRole('button', { name: 'Delete' }).click();
  await form.waitFor({ state: 'hidden' });
  const left = await api.platform(`/ng/api/organizations?identifiers=${org}`);
  assert.equal(left.totalItems, 0);
}, { refused: [400] });

/** Signs in with the token of a service account that has one role. */
async function enterAs(page, api, role, { name = `weak_${mark}`, ...times } = {}) {
  await api.platform('/ng/api/serviceaccount', 'POST', { name, identifier: name });
  await asOther(page, await tokenOf(api, name, role, times));
  await page.reload();
}

consoleTest('who may only look is offered no changes', async ({ page, go, api, axe }) => {
  const user = await makeUser(api, 'seen');
  const group = await makeGroup(api, 'seen', [user]);
  await go('/users');
  await enterAs(page, api, '_account_viewer');
  const none = async (...names) => {
    for (const name of names) assert.equal(await page.getByRole('button', { name }).count(), 0, name);
  };
  await page.getByLabel('Search user names, display names and e-mails').fill(named('seen'));
  await page.getByRole('link', { name: user.userName }).waitFor();
  await none('New user');
  await go(`/users/${user.id}`);
  await page.getByRole('heading', { level: 1, name: user.userName }).waitFor();
  await none('Edit', 'Deactivate', 'Delete');
  await go(`/groups/${group.id}`);
  await page.getByRole('table', { name: 'Members' }).getByRole('link', { name: user.userName }).waitFor();
  await none('Edit', 'Delete', 'Add members', 'Remove');
  await axe();
  await go('/organizations');
  await page.getByRole('table', { name: 'Organizations' }).waitFor();
  await none('New organization', 'Edit', 'Delete');
});

consoleTest('a token that ends soon is told of, and so are the trusts', async ({ page, go, api, axe }) => {
  await go('/');
  const name = `soon_${mark}`;
  await enterAs(page, api, '_account_viewer', { name, validTo: Date.now() + 3 * 24 * 60 * 60 * 1000 });
  await page.getByText('The token that you signed in with ends soon').waitFor();
  const jwks = { url: 'http://127.0.0.1:9/keys' };
  const body = { identifier: `trust_${mark}`, name: named('trust'), enabled: false, serviceAccount: name, jwks };
  await api.platform('/ng/api/jwt-trusts', 'POST', { ...body, issuer: `https://issuer.example/${mark}`, audiences: ['muster'] });
  await page.reload();
  const row = page.getByRole('table', { name: 'JWT trusts' }).getByRole('row', { name: named('trust') });
  await row.getByText('disabled').waitFor();
  await row.getByText(`https://issuer.example/${mark}`).waitFor();
  await axe();
});

consoleTest('a list is as it was left when one comes back to it, and after a reload', async ({ page, go, api }) => {
  const user = await makeUser(api, 'kept', { active: false });
  await go('/users');
  const search = page.getByLabel('Search user names, display names and e-mails');
  await search.fill(named('kept'));
  await page.getByRole('link', { name: user.userName }).click();
  await page.getByRole('heading', { level: 1, name: user.userName }).waitFor();
  await page.goBack();
  await page.getByText('1 in all').waitFor();
  assert.equal(await search.inputValue(), named('kept'));
  await page.reload();
  await page.getByText('1 in all').waitFor();
  assert.equal(await search.inputValue(), named('kept'));
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('link', { name: 'inactive users', exact: true }).click();
  assert.equal(await page.getByLabel('SCIM filter').inputValue(), 'active eq false');
  await page.getByText('inactive').first().waitFor();
});

consoleTest('who was deleted is not shown as if he were there', async ({ page, go, api }) => {
  const user = await makeUser(api, 'ghost');
  await go(`/users/${user.id}`);
  await page.getByRole('heading', { level: 1, name: user.userName }).waitFor();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'Users' }).waitFor();
  await page.goBack();
  await page.getByText('The user could not be loaded').waitFor();
}, { refused: [404] });

consoleTest('a user is activated once, however often it is clicked', async ({ page, go, api }) => {
  const user = await makeUser(api, 'twice', { active: false });
  await go(`/users/${user.id}`);
  let sent = 0;
  let letGo;
  const held = new Promise((done) => (letGo = done));
  await page.route('**/scim/v2/acme/Users/*', async (route) => {
    if (route.request().method() === 'PATCH') {
      sent += 1;
      await held;
    }
    await route.continue();
  });
  const activate = page.getByRole('button', { name: 'Activate' });
  await activate.click();
  await page.getByRole('button', { name: 'Activate', disabled: true }).waitFor();
  await activate.click({ force: true });
  letGo();
  await page.getByRole('button', { name: 'Deactivate' }).waitFor();
  assert.equal(sent, 1);
});

consoleTest('what comes late does not go into another form', async ({ page, go, api }) => {
  const org = `late_${mark}`;
  await api.platform('/ng/api/organizations', 'POST', { organization: { identifier: org, name: org } });
  await go('/organizations');
  await page.getByLabel('Search organizations').fill(org);
  let letGo;
  const held = new Promise((done) => (letGo = done));
  await page.route(`**/ng/api/organizations/${org}?*`, async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole('button', { name: `Edit ${org}` }).click();
  await page.getByRole('button', { name: 'New organization' }).click();
  const form = page.getByRole('dialog', { name: 'New organization' });
  await form.getByLabel('Name').fill('Another');
  const answered = page.waitForResponse((answer) => answer.url().includes(`/organizations/${org}`));
  letGo();
  await answered;
  await form.getByLabel('Description').fill('mine');
  assert.equal(await form.getByLabel('Identifier').inputValue(), 'Another');
  await api.platform(`/ng/api/organizations/${org}`, 'DELETE');
});
