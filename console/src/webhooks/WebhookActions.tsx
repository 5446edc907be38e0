import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';

import { platformTagged } from '../api';
import { useSession } from '../session';
import { tell } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Time } from '../ui/words';
import { WebhookForm } from './WebhookForm';
import { WebhookSecret } from './WebhookSecret';
import { bodyOf, eventsOf, useChange, type Webhook, type WebhookBody, webhookPath, WEBHOOKS } from './webhooks';

type What = 'edit' | 'disable' | 'rotate' | 'delete';

/** What is done about a webhook as a whole. */
export function WebhookActions({ webhook, etag }: { webhook: Webhook; etag: string | undefined }) {
  const { credential } = useSession();
  const change = useChange(webhook.identifier);
  const client = useQueryClient();
  const [, navigate] = useLocation();
  // With what is shown when it is opened: a version that comes meanwhile is not what was looked at.
  const [doing, setDoing] = useState<{ what: What; webhook: Webhook; etag: string | undefined }>();
  const [made, setMade] = useState<Webhook>();
  const open = (what: What) => setDoing({ what, webhook, etag });
  const close = () => setDoing(undefined);
  const is = (what: What) => doing?.what === what;
  const reload = async () => {
    const { resource, etag } = await platformTagged<Webhook>(credential, webhookPath(webhook.identifier));
    setDoing((was) => was && { ...was, webhook: resource, etag });
  };
  const { identifier, enabled, formerSecretUntil, delivery } = webhook;
  const behind = delivery.latest - delivery.next;

  const save = async (body: WebhookBody) => {
    await change('', { method: 'PUT', body }, doing?.etag);
    tell(`Webhook ${identifier} was changed.`);
  };
  const disable = async () => {
    await change('', { method: 'PUT', body: { ...bodyOf(doing?.webhook ?? webhook), enabled: false } }, doing?.etag);
    tell(`Webhook ${identifier} is disabled.`);
  };
  const rotate = async () => {
    // Also where the question was closed meanwhile: it is not to be had again.
    setMade(await change('/rotate-secret', { method: 'POST' }, doing?.etag));
    tell(`Webhook ${identifier} has another secret.`);
  };
  const remove = async () => {
    await change('', { method: 'DELETE' }, doing?.etag);
    tell(`Webhook ${identifier} was deleted.`);
    // The list alone: what is asked of this one would not be found.
    void client.invalidateQueries({ predicate: ({ queryKey: [path] }) => path === WEBHOOKS });
  };
  return (
    <>
      <Button onClick={() => open('edit')}>Edit</Button>
      <Button variant="default" onClick={() => open('rotate')}>
        Rotate secret
      </Button>
      {enabled && (
        <Button variant="default" onClick={() => open('disable')}>
          Disable
        </Button>
      )}
      <Button color="red" variant="outline" onClick={() => open('delete')}>
        Delete
      </Button>
      <WebhookForm opened={is('edit')} onClose={close} webhook={doing?.webhook ?? webhook} save={save} />
      <Confirm opened={is('rotate')} onClose={close} title={`Rotate the secret of ${identifier}?`} action="Rotate" run={rotate} reload={reload}>
        It gets a new secret, which is shown once. Messages are signed with both for 24 hours: put the new one in its place until then.
        {formerSecretUntil && (
          <>
            {' '}
            It was rotated before, and its former secret would sign until <Time at={formerSecretUntil} />: that one ends at once.
          </>
        )}
      </Confirm>
      <Confirm opened={is('disable')} onClose={close} title={`Disable webhook ${identifier}?`} action="Disable" run={disable} reload={reload}>
        Nothing is sent until it is enabled again. It goes on where it stopped then, as far as the events are still kept.
      </Confirm>
      <Confirm
        opened={is('delete')}
        onClose={close}
        title={`Delete webhook ${identifier}?`}
        action="Delete"
        run={remove}
        reload={reload}
        onDone={() => navigate('/webhooks')}
      >
        Its secret and its place in the events are lost: made anew, it is told only of what happens from then on.
        {behind > 0 && ` ${eventsOf(behind)} that it has not acknowledged ${behind === 1 ? 'is' : 'are'} not sent any more.`}
      </Confirm>
      <WebhookSecret made={made} onClose={() => setMade(undefined)} />
    </>
  );
}
