import { Anchor, Center, Loader } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';

import { isGone } from '../api';
import { useSession } from '../session';
import { Failure } from '../ui/Failure';
import { idOf } from '../ui/idOf';
import { PageFrame } from '../ui/PageFrame';
import { Section } from '../ui/Section';
import { Facts, Id, Tags, Time } from '../ui/words';
import { DeliveryState } from './DeliveryState';
import { SendTest } from './SendTest';
import { Verify } from './Verify';
import { WebhookActions } from './WebhookActions';
import { useWebhook, type Webhook } from './webhooks';

/** A webhook: how it is doing, what it is sent, and how its receiver is tried out. */
export function WebhookDetail({ params }: { params: { id: string } }) {
  const { can } = useSession();
  const id = idOf(params);
  const { data, error } = useWebhook(id);
  if (!data || isGone(error)) {
    return (
      <PageFrame title={`Webhook ${id}`} about={<Back />}>
        {error ? (
          <Failure error={error} title="The webhook could not be loaded" />
        ) : (
          <Center p="xl">
            <Loader aria-label="Loading the webhook" />
          </Center>
        )}
      </PageFrame>
    );
  }
  const { resource: webhook, etag } = data;
  const editable = can('core_setting_edit');
  return (
    <PageFrame
      title={webhook.name}
      about={<Id>{webhook.identifier}</Id>}
      actions={editable && <WebhookActions webhook={webhook} etag={etag} />}
    >
      <Failure error={error} title="This is how it was: the server does not say how it is now" />
      <DeliveryState webhook={webhook} etag={etag} editable={editable} />
      <Section title="What is sent" actions={<Back />}>
        <Facts facts={factsOf(webhook)} />
      </Section>
      <Section title="The receiver" about="What takes the messages, verifies their signature, and answers 2xx within 15 seconds.">
        {editable && <SendTest identifier={webhook.identifier} />}
        <Verify />
      </Section>
    </PageFrame>
  );
}

function Back() {
  return (
    <Anchor component={Link} href="/webhooks" size="sm">
      All webhooks
    </Anchor>
  );
}

function factsOf({ url, types, description, formerSecretUntil, createdAt, lastModifiedAt }: Webhook): [string, ReactNode][] {
  const facts: [string, ReactNode][] = [
    ['URL', <Id key="url">{url}</Id>],
    ['Types', types.length > 0 ? <Tags words={types} /> : 'all'],
  ];
  if (description) facts.push(['Description', description]);
  if (formerSecretUntil) facts.push(['Former secret', <>signs, too, until <Time at={formerSecretUntil} /></>]);
  facts.push(['Created', <Time at={createdAt} />], ['Last modified', <Time at={lastModifiedAt} />]);
  return facts;
}
