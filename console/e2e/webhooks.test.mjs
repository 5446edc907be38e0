// Webhooks, with a real receiver that fails, recovers, and says that it wants no more.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';

import { asOther, consoleTest, tokenOf } from './kit.mjs';

/** On a development server the tests share an account. */
const unique = (name) => `${name}${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;

/** By hand what the libraries of Standard Webhooks do. */
function verifies(secret, { headers, body }) {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signed = createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest('base64');
  return headers['webhook-signature'].split(' ').includes(`v1,${signed}`);
}

/** A receiver that answers as `answer` says at the time, `[status, body, headers]`, and keeps all that came. */
async function newReceiver() {
  const receiver = Object.assign(new EventEmitter(), { got: [], answer: [204] });
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text));
    request.on('end', () => {
      const [status, said, headers = {}] = receiver.answer;
      response.writeHead(status, headers).end(said);
      receiver.got.push({ headers: request.headers, body, status, message: JSON.parse(body) });
      receiver.emit('message');
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  receiver.url = `http://127.0.0.1:${server.address().port}/hook`;
  /** What it has acknowledged. */
  receiver.events = () => receiver.got.filter(({ status }) => status < 300).flatMap(({ message }) => message.data.events ?? []);
  receiver.until = async (holds) => {
    while (!holds(receiver)) await once(receiver, 'message', { signal: AbortSignal.timeout(60_000) });
  };
  receiver.close = () => new Promise((done) => server.close(done).closeAllConnections());
  return receiver;
}

/** A test with a receiver, and no webhook of it is left where the account is shared. */
function webhookTest(name, body, options) {
  consoleTest(name, async (given) => {
    const receiver = await newReceiver();
    try {
      await body({ ...given, receiver });
    } finally {
      for (const { identifier, url } of await given.api.platform('/ng/api/webhooks')) {
        if (url.startsWith(receiver.url)) await given.api.platform(`/ng/api/webhooks/${identifier}`, 'DELETE');
      }
      await receiver.close();
    }
  }, options);
}

const newWebhook = (api, receiver, more = {}) => {
  const identifier = unique('hook');
  return api.platform('/ng/api/webhooks', 'POST', { identifier, name: identifier, url: receiver.url, ...more });
};

const newUser = (api, userName = `${unique('user')}@example.com`) =>
  api.scim('/Users', 'POST', { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName });

// Nothing but a person lets it try again within the hour.
const LATER = { 'retry-after': '3600' };

webhookTest('a webhook is made, its secret is shown once, and what it signs is delivered', async ({ page, go, api, axe, receiver }) => {
  const name = unique('App ');
  const identifier = name.replace(' ', '_');
  await go('/webhooks');
  await page.getByRole('button', { name: 'New webhook' }).click();
  const form = page.getByRole('dialog', { name: 'New webhook' });
  await form.getByLabel('Name').fill(name);
  await form.getByLabel('URL').fill(receiver.url);
  await form.getByRole('combobox', { name: 'Types' }).click();
  await page.getByRole('option', { name: 'user.created' }).click();
  await page.getByRole('option', { name: 'group.created' }).click();
  await form.getByLabel('Name').focus();
  await page.getByRole('option').first().waitFor({ state: 'hidden' });
  await axe();
  await form.getByRole('button', { name: 'Create' }).click();
  const shown = page.getByRole('dialog', { name: `The secret of webhook ${identifier}` });
  const secret = await shown.getByTestId('secret').innerText();
  await form.waitFor({ state: 'hidden' });
  await axe();
  await shown.getByRole('button', { name: 'I have it' }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  assert.equal(await page.getByText(secret).count(), 0);
  const made = await api.platform(`/ng/api/webhooks/${identifier}`);
  assert.deepEqual([made.url, made.types, made.enabled, made.secret], [receiver.url, ['user.created', 'group.created'], true, undefined]);

  const { id } = await newUser(api);
  await receiver.until(({ events }) => events().some(({ resourceId }) => resourceId === id));
  assert.ok(receiver.got.every((one) => verifies(secret, one)));
  // The page finds out by itself.
  const delivery = page.getByRole('region', { name: 'Delivery' });
  await delivery.getByText('204', { exact: true }).waitFor();
  await delivery.getByText('caught up').waitFor();
  await page.getByRole('button', { name: 'How a receiver verifies a message' }).click();
  await page.getByRole('region', { name: 'A receiver in Node.js' }).getByText('webhook.verify').waitFor();
  await page.getByText('Python', { exact: true }).click();
  await page.getByRole('region', { name: 'A receiver in Python' }).getByText('webhook.verify').waitFor();
  await axe();
  await page.getByRole('link', { name: 'All webhooks' }).click();
  const row = page.getByRole('table', { name: 'Webhooks' }).getByRole('row').filter({ hasText: identifier });
  await row.getByText('caught up').waitFor();
  await row.getByText('user.created').waitFor();
});

webhookTest('a receiver that fails is told of with what to mend, and tried again when it is', async ({ page, go, api, axe, receiver }) => {
  receiver.answer = [500, 'database is locked', LATER];
  const { identifier, secret } = await newWebhook(api, receiver, { types: ['user.created'] });
  await go('/webhooks');
  const first = await newUser(api);
  const row = page.getByRole('table', { name: 'Webhooks' }).getByRole('row').filter({ hasText: identifier });
  await row.getByText('failing').waitFor();
  await row.getByText('It answered 500 and said: database is locked').waitFor();
  await axe();
  await row.getByRole('link', { name: identifier }).click();
  const delivery = page.getByRole('region', { name: 'Delivery' });
  await delivery.getByText('1 attempt without success').waitFor();
  await delivery.getByText('It answered 500 and said: database is locked').waitFor();
  await delivery.getByText('500', { exact: true }).waitFor();
  await delivery.getByText('Next attempt').waitFor();
  await axe();

  const second = await newUser(api);
  await delivery.getByRole('button', { name: 'Try now' }).click();
  await delivery.getByText('2 attempts without success').waitFor();
  receiver.answer = [200, 'ok'];
  await delivery.getByRole('button', { name: 'Try now' }).click();
  await page.getByText(`Webhook ${identifier} is tried now.`).first().waitFor();
  await delivery.getByText('caught up').waitFor();
  assert.equal(await delivery.getByRole('button').count(), 0);
  const ids = receiver.events().map(({ resourceId }) => resourceId);
  assert.deepEqual(ids.filter((id) => id === first.id || id === second.id), [first.id, second.id]);
  assert.equal(receiver.got[0].headers['webhook-id'], receiver.got[1].headers['webhook-id']);
  assert.ok(receiver.got.every((one) => verifies(secret, one)));
});

webhookTest('410 disables a webhook; it is enabled again where it stopped, or from the latest number', async ({ page, go, api, axe, receiver }) => {
  receiver.answer = [410, 'moved out'];
  const { identifier } = await newWebhook(api, receiver, { types: ['user.created'] });
  const first = await newUser(api);
  await go(`/webhooks/${identifier}`);
  const delivery = page.getByRole('region', { name: 'Delivery' });
  await delivery.getByText('The server has disabled it').waitFor();
  await delivery.getByText('The receiver answered 410 Gone').waitFor();
  await delivery.getByText('It answered 410 and said: moved out').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Disable' }).count(), 0);
  await axe();
  receiver.answer = [204];
  await delivery.getByRole('button', { name: 'Enable', exact: true }).click();
  await delivery.getByText('caught up').waitFor();
  const has = ({ id }) => receiver.events().some(({ resourceId }) => resourceId === id);
  assert.ok(has(first), 'nothing is lost');

  receiver.answer = [410, ''];
  const lost = await newUser(api);
  await delivery.getByRole('button', { name: 'Enable from the latest number' }).click();
  const question = page.getByRole('dialog', { name: `Let ${identifier} go on from the latest number?` });
  await question.getByText('never sent to it: 1 event, number').or(question.getByText('events, numbers')).waitFor();
  await question.getByText('reads the whole of it once more').waitFor();
  await axe();
  receiver.answer = [204];
  await question.getByRole('button', { name: 'Enable from the latest number' }).click();
  await page.getByText(`Webhook ${identifier} goes on after number`).waitFor();
  await delivery.getByText('caught up').waitFor();
  const webhook = await api.platform(`/ng/api/webhooks/${identifier}`);
  assert.deepEqual([webhook.enabled, webhook.delivery.next], [true, webhook.delivery.latest]);
  const third = await newUser(api);
  await receiver.until(() => has(third));
  assert.ok(!has(lost));
});

webhookTest('a test shows what the receiver answers, or why there was no connection', async ({ page, go, api, axe, receiver }) => {
  const { identifier, secret } = await newWebhook(api, receiver, { types: ['group.created'] });
  receiver.answer = [202, 'thank you'];
  await go(`/webhooks/${identifier}`);
  const place = page.getByRole('region', { name: 'The receiver', exact: true });
  await place.getByRole('button', { name: 'Send a test' }).click();
  await place.getByText('Delivered. The receiver answered 202 after').waitFor();
  await place.getByText('thank you').waitFor();
  const { message } = receiver.got.find((one) => one.message.type === 'webhook.test');
  assert.equal(message.data.webhookIdentifier, identifier);
  assert.ok(verifies(secret, receiver.got.at(-1)));
  await axe();
  receiver.answer = [401, 'the signature does not fit'];
  await place.getByRole('button', { name: 'Send a test' }).click();
  await place.getByText('Not delivered. The receiver answered 401 after').waitFor();
  await place.getByText('said: the signature does not fit').waitFor();
  await axe();
  await receiver.close();
  await place.getByRole('button', { name: 'Send a test' }).click();
  await place.getByText('Not delivered. There was no answer after').waitFor();
  await place.getByText('check host and port of the URL').waitFor();
});

webhookTest('the secret is rotated: both sign for a day', async ({ page, go, api, axe, receiver }) => {
  const { identifier, secret } = await newWebhook(api, receiver, { types: ['user.created'] });
  await go(`/webhooks/${identifier}`);
  await page.getByRole('button', { name: 'Rotate secret' }).click();
  const question = page.getByRole('dialog', { name: `Rotate the secret of ${identifier}?` });
  await axe();
  await question.getByRole('button', { name: 'Rotate', exact: true }).click();
  const shown = page.getByRole('dialog', { name: `The secret of webhook ${identifier}` });
  const fresh = await shown.getByTestId('secret').innerText();
  assert.notEqual(fresh, secret);
  await shown.getByRole('button', { name: 'I have it' }).click();
  await page.getByText('signs, too, until').waitFor();
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.getByText('Delivered. The receiver answered 204').waitFor();
  const last = receiver.got.at(-1);
  assert.ok(verifies(secret, last) && verifies(fresh, last));
  await page.getByRole('button', { name: 'Rotate secret' }).click();
  await question.getByText('that one ends at once').waitFor();
  await question.getByRole('button', { name: 'Cancel' }).click();
});

webhookTest('a webhook is edited, disabled, enabled and deleted', async ({ page, go, api, axe, receiver }) => {
  const { identifier } = await newWebhook(api, receiver, { types: ['user.created'], description: 'Seats' });
  await go(`/webhooks/${identifier}`);
  await page.getByRole('button', { name: 'Edit' }).click();
  const form = page.getByRole('dialog', { name: `Edit webhook ${identifier}` });
  const name = unique('Seats ');
  await form.getByLabel('Name').fill(name);
  await form.getByLabel('URL').fill(`${receiver.url}/2`);
  await axe();
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  const edited = await api.platform(`/ng/api/webhooks/${identifier}`);
  assert.deepEqual([edited.url, edited.types, edited.description], [`${receiver.url}/2`, ['user.created'], 'Seats']);

  await page.getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click();
  await page.getByText('Disabled: nothing is sent').waitFor();
  assert.equal((await api.platform(`/ng/api/webhooks/${identifier}`)).enabled, false);
  await axe();
  await page.getByRole('button', { name: 'Enable', exact: true }).click();
  await page.getByRole('button', { name: 'Disable' }).waitFor();
  assert.equal((await api.platform(`/ng/api/webhooks/${identifier}`)).enabled, true);

  await page.getByRole('button', { name: 'Delete' }).click();
  const question = page.getByRole('dialog', { name: `Delete webhook ${identifier}?` });
  await axe();
  await question.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor();
  await page.getByText(`Webhook ${identifier} was deleted.`).waitFor();
  assert.ok((await api.platform('/ng/api/webhooks')).every((one) => one.identifier !== identifier));
  await go(`/webhooks/${identifier}`);
  await page.getByText('The webhook could not be loaded').waitFor();
  await page.getByText('Status 404').waitFor();
}, { refused: [404] });

webhookTest('what the server refuses is told in its words, and what was typed stays', async ({ page, go, api, axe, receiver }) => {
  await go('/webhooks');
  await page.getByRole('button', { name: 'New webhook' }).click();
  const form = page.getByRole('dialog', { name: 'New webhook' });
  await form.getByLabel('Name').fill('Inside');
  await form.getByLabel('URL').fill('http://app.example.com/hook');
  await form.getByRole('button', { name: 'Create' }).click();
  await form.getByText('cannot be used').first().waitFor();
  await form.getByText('Status 400').waitFor();
  assert.equal(await form.getByLabel('URL').inputValue(), 'http://app.example.com/hook');
  await axe();
  await form.getByRole('button', { name: 'Cancel' }).click();

  // Somebody else's change in between is not overwritten.
  const { identifier, secret, delivery, ...seen } = await newWebhook(api, receiver);
  await go(`/webhooks/${identifier}`);
  await page.getByRole('button', { name: 'Edit' }).click();
  const edit = page.getByRole('dialog', { name: `Edit webhook ${identifier}` });
  await edit.getByLabel('Name').fill('Late');
  await api.platform(`/ng/api/webhooks/${identifier}`, 'PUT', { ...seen, name: 'Early' });
  await edit.getByRole('button', { name: 'Save' }).click();
  await edit.getByText('Status 412').waitFor();
  assert.equal(await edit.getByLabel('Name').inputValue(), 'Late');
  await page.locator('h1').getByText('Early').waitFor();
  const again = page.waitForResponse((answer) => answer.request().method() === 'PUT');
  await edit.getByRole('button', { name: 'Save' }).click();
  assert.equal((await again).status(), 412);
  assert.equal((await api.platform(`/ng/api/webhooks/${identifier}`)).name, 'Early');
  await edit.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Delete' }).click();
  const question = page.getByRole('dialog', { name: `Delete webhook ${identifier}?` });
  await api.platform(`/ng/api/webhooks/${identifier}`, 'PUT', { ...seen, name: 'Last' });
  await question.getByRole('button', { name: 'Delete' }).click();
  await question.getByText('Somebody else changed it meanwhile').waitFor();
  assert.equal((await api.platform(`/ng/api/webhooks/${identifier}`)).name, 'Last');
  await question.getByRole('button', { name: 'Load the new state' }).click();
  await question.getByRole('alert').waitFor({ state: 'hidden' });
  await question.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'Webhooks' }).waitFor();
}, { refused: [400, 412] });

webhookTest('who may only look sees how webhooks are doing, and is offered no change', async ({ page, go, api, axe, receiver }) => {
  receiver.answer = [500, 'database is locked', LATER];
  const { identifier } = await newWebhook(api, receiver, { types: ['user.created'] });
  await newUser(api);
  const weak = unique('weak');
  await api.platform('/ng/api/serviceaccount', 'POST', { identifier: weak, name: weak });
  await asOther(page, await tokenOf(api, weak, '_account_viewer'));
  await go('/webhooks');
  await page.getByRole('link', { name: identifier }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'New webhook' }).count(), 0);
  await axe();
  await page.getByRole('link', { name: identifier }).click();
  await page.getByText('1 attempt without success').waitFor();
  for (const name of ['Edit', 'Rotate secret', 'Disable', 'Delete', 'Try now', 'Go on from the latest number', 'Send a test']) {
    assert.equal(await page.getByRole('button', { name }).count(), 0, name);
  }
  await axe();
});
