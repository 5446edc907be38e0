// Two people who edit the same thing: the second one's change is not stored over the first one's, and not lost either.
import assert from 'node:assert/strict';

import { consoleTest } from './kit.mjs';

const ROLES = '/authz/api/roles';
const GROUPS = '/authz/api/v2/resourcegroup';
const SERVICE_ACCOUNTS = '/ng/api/serviceaccount';
const ORGANIZATIONS = '/ng/api/organizations';
const PROJECTS = '/ng/api/projects';
const SCHEMAS = '/ng/api/scim-schemas';
const TYPES = '/ng/api/scim-resource-types';
const attributes = [{ name: 'tag', type: 'string' }];

/** Opens the window of a row of a list, and its form from there, or the question before it is deleted. */
function inWindow(path, title) {
  const open = (what, title) => async (page, go, { name }) => {
    await go(path);
    await page.getByRole('button', { name }).click();
    await page.getByRole('dialog', { name }).getByRole('button', { name: what }).click();
    return page.getByRole('dialog', { name: title });
  };
  return { open: open('Edit', title), leave: open('Delete', /^Delete the /) };
}

/** The same from the row of a list; `tab` is where the list is. */
function inRow(path, word, title, { tab, before } = {}) {
  const open = (what, title) => async (page, go, thing) => {
    await go(path);
    if (tab) await page.getByRole('tab', { name: tab }).click();
    if (before) await page.getByRole('button', { name: before, exact: true }).click();
    await page.getByRole('button', { name: `${what} ${thing[word]}` }).click();
    return page.getByRole('dialog', { name: title(thing[word]) });
  };
  return { open: open('Edit', (name) => `${title} ${name}`), leave: open('Delete', () => /^Delete /) };
}

/** Opens it from the page of a service account. */
function ofPage(what) {
  return async (page, go, { identifier }) => {
    await go(`/service-accounts/${identifier}`);
    await page.getByRole('button', { name: what, exact: true }).first().click();
    return page.getByRole('dialog', { name: `${what} the service account` });
  };
}

/** What is edited or deleted: as it is made and stored by others, and the ways to its form and to the question. */
const THINGS = {
  role: {
    list: ROLES,
    body: (of) => ({ ...of, permissions: ['core_user_view'] }),
    read: (data) => data.role,
    ...inWindow('/roles', 'Edit the role'),
  },
  'resource group': {
    list: GROUPS,
    body: (of) => ({ resourceGroup: { ...of, resourceFilter: { includeAllResources: true } } }),
    read: (data) => data.resourceGroup,
    ...inWindow('/resource-groups', 'Edit the resource group'),
  },
  'service account': {
    list: SERVICE_ACCOUNTS,
    shown: `${SERVICE_ACCOUNTS}/aggregate`,
    body: (of) => of,
    read: (data) => data.serviceAccount,
    open: ofPage('Edit'),
    leave: ofPage('Delete'),
  },
  organization: {
    list: ORGANIZATIONS,
    body: (organization) => ({ organization }),
    read: (data) => data.organization,
    ...inRow('/organizations', 'identifier', 'Edit organization'),
    typed: true,
  },
  project: {
    list: PROJECTS,
    query: '?orgIdentifier=default',
    body: (of) => ({ project: { ...of, orgIdentifier: 'default' } }),
    read: (data) => data.project,
    ...inRow('/organizations', 'identifier', 'Edit project', { before: 'Projects default' }),
    typed: true,
  },
  'SCIM schema': {
    list: SCHEMAS,
    key: (of) => `urn:example:${of.identifier}`,
    body: ({ identifier, ...of }) => ({ ...of, id: `urn:example:${identifier}`, appliesTo: 'User', attributes }),
    read: (data) => data,
    ...inRow('/schemas', 'name', 'Replace'),
    action: 'Replace',
  },
  'resource type': {
    list: TYPES,
    key: (of) => of.name,
    body: ({ identifier, ...of }) => ({ ...of, endpoint: `${identifier}s`, schema: { id: `urn:example:${identifier}`, name: 'T', attributes } }),
    read: (data) => data,
    ...inRow('/schemas', 'name', 'Replace', { tab: 'Resource types' }),
    action: 'Replace',
  },
};

for (const [what, { list, shown = list, query = '', key, body, read, open, action = 'Save' }] of Object.entries(THINGS)) {
  consoleTest(`a change of a ${what} by somebody else meanwhile is told of, and gone on from`, async ({ page, go, api, axe }) => {
    const thing = { identifier: `race${Date.now().toString(36)}`, name: `Race${Date.now().toString(36)}` };
    const one = encodeURIComponent(key?.(thing) ?? thing.identifier);
    const described = (description) => body({ ...thing, description });
    const stored = async () => read(await api.platform(`${shown}/${one}${query}`)).description;
    await api.platform(`${list}${query}`, 'POST', described('Before'));
    const form = await open(page, go, thing);
    const field = form.getByLabel('Description');
    await field.fill('Mine');
    await api.platform(`${list}/${one}${query}`, 'PUT', described('Theirs'));
    await form.getByRole('button', { name: action }).click();
    await form.getByText('Somebody else changed it meanwhile').waitFor();
    assert.equal(await field.inputValue(), 'Mine');
    assert.equal(await stored(), 'Theirs');
    await axe();
    await form.getByRole('button', { name: 'Load the new state' }).click();
    await form.getByRole('alert').waitFor({ state: 'hidden' });
    assert.equal(await field.inputValue(), 'Theirs');
    await field.fill('Both');
    await form.getByRole('button', { name: action }).click();
    await form.waitFor({ state: 'hidden' });
    assert.equal(await stored(), 'Both');
  }, { refused: [412] });
}

for (const [what, { list, shown = list, query = '', key, body, read, leave, typed }] of Object.entries(THINGS)) {
  consoleTest(`a ${what} that somebody else changed meanwhile is deleted only by who decides anew`, async ({ page, go, api, axe }) => {
    const thing = { identifier: `gone${Date.now().toString(36)}`, name: `Gone${Date.now().toString(36)}` };
    const one = encodeURIComponent(key?.(thing) ?? thing.identifier);
    const described = (description) => body({ ...thing, description });
    const stored = async () => read(await api.platform(`${shown}/${one}${query}`)).description;
    await api.platform(`${list}${query}`, 'POST', described('Before'));
    const question = await leave(page, go, thing);
    if (typed) await question.getByRole('textbox').fill(thing.identifier);
    await api.platform(`${list}/${one}${query}`, 'PUT', described('Theirs'));
    const remove = question.getByRole('button', { name: 'Delete' });
    await remove.click();
    await question.getByText('Somebody else changed it meanwhile').waitFor();
    assert.equal(await stored(), 'Theirs');
    await axe();
    await question.getByRole('button', { name: 'Load the new state' }).click();
    await question.getByRole('alert').waitFor({ state: 'hidden' });
    await remove.click();
    await question.waitFor({ state: 'hidden' });
    await assert.rejects(stored());
  }, { refused: [412] });
}

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

for (const [title, path, button, label, made, theirs] of [
  ['Edit group', 'Groups', 'Edit', 'External id', { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'] }, 'externalId'],
  ['Edit user', 'Users', 'Edit', 'Title', { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'] }, 'title'],
]) {
  consoleTest(`${title}: a change by somebody else meanwhile is told of, and gone on from`, async ({ page, go, api }) => {
    const name = `race${Date.now().toString(36)}`;
    const { id } = await api.scim(`/${path}`, 'POST', { ...made, displayName: name, userName: `${name}@example.com` });
    await go(`/${path.toLowerCase()}/${id}`);
    await page.getByRole('button', { name: button, exact: true }).click();
    const form = page.getByRole('dialog', { name: title });
    const field = form.getByLabel(label);
    await field.fill('Mine');
    await api.scim(`/${path}/${id}`, 'PATCH', { schemas: [PATCH], Operations: [{ op: 'replace', path: theirs, value: 'Theirs' }] });
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Somebody else changed it meanwhile').waitFor();
    assert.equal(await field.inputValue(), 'Mine');
    await form.getByRole('button', { name: 'Load the new state' }).click();
    await form.getByRole('alert').waitFor({ state: 'hidden' });
    assert.equal(await field.inputValue(), 'Theirs');
    await field.fill('Both');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.waitFor({ state: 'hidden' });
    assert.equal((await api.scim(`/${path}/${id}`))[theirs], 'Both');
  }, { refused: [412] });
}
