import { Anchor, Badge, Box, Button, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';

import { platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { type Column, Listing } from '../ui/Listing';
import { NameAndId } from '../ui/NameAndId';
import { PageFrame } from '../ui/PageFrame';
import { Tags, Time } from '../ui/words';
import { StateBadge } from './StateBadge';
import { WebhookForm } from './WebhookForm';
import { WebhookSecret } from './WebhookSecret';
import { eventsOf, stateOf, type Webhook, type WebhookBody, webhookPage, WEBHOOKS } from './webhooks';

const AGAIN_MILLIS = 5_000;
/** More are counted: their names are on the page of the webhook. */
const TYPES_SHOWN = 2;

const COLUMNS: Column<Webhook>[] = [
  {
    title: 'Webhook',
    cell: ({ name, identifier }) => (
      <Anchor component={Link} href={webhookPage(identifier)} size="sm">
        <NameAndId name={name} id={identifier} />
      </Anchor>
    ),
  },
  { title: 'State', cell: (webhook) => <Doing webhook={webhook} /> },
  { title: 'Acknowledged', cell: ({ delivery }) => <Behind {...delivery} />, width: 140 },
  {
    title: 'URL',
    cell: ({ url }) => (
      <Text size="xs" className="mono" fz="xs" miw={180} lineClamp={3}>
        {url}
      </Text>
    ),
  },
  { title: 'Types', cell: ({ types }) => <Types types={types} />, width: 150 },
];

function Types({ types }: { types: string[] }) {
  if (types.length === 0) return <Text size="sm">all</Text>;
  const more = types.length - TYPES_SHOWN;
  return (
    <Group gap={4}>
      <Tags words={types.slice(0, TYPES_SHOWN)} />
      {more > 0 && (
        <Badge variant="default" tt="none">
          {more} more
        </Badge>
      )}
    </Group>
  );
}

/** How it is doing, and what the server says is to be mended. */
function Doing({ webhook }: { webhook: Webhook }) {
  const { delivery, enabled } = webhook;
  const failing = stateOf(webhook) === 'failing';
  const wrong = failing ? delivery.lastError : !enabled && delivery.disabledReason;
  return (
    <Stack gap={2} miw={220}>
      <Box>
        <StateBadge webhook={webhook} />
      </Box>
      {failing && (
        <Text size="xs">
          since <Time at={delivery.failingSince} />
        </Text>
      )}
      {wrong && (
        <Text size="xs" c="dimmed" lineClamp={4}>
          {wrong}
        </Text>
      )}
    </Stack>
  );
}

function Behind({ next, latest }: { next: number; latest: number }) {
  return (
    <Box miw={110}>
      <Text size="sm">
        {next} of {latest}
      </Text>
      {next < latest && (
        <Text size="xs" c="dimmed">
          {eventsOf(latest - next)} behind
        </Text>
      )}
    </Box>
  );
}

/** Where the account's events are sent. An account has few, so the list is whole. */
export function Webhooks() {
  const { can } = useSession();
  const [creating, setCreating] = useState(false);
  const { data, error, isPending } = usePlatform<Webhook[]>(WEBHOOKS, { refetchInterval: AGAIN_MILLIS });
  return (
    <PageFrame
      title="Webhooks"
      about="Applications that are told of what changes in the directory: signed, in order, and again until they acknowledge it."
      actions={can('core_setting_edit') && <Button onClick={() => setCreating(true)}>New webhook</Button>}
    >
      <Listing
        label="Webhooks"
        columns={COLUMNS}
        items={data}
        keyOf={({ identifier }) => identifier}
        loading={isPending}
        error={error}
        empty="There are no webhooks yet. An application can also ask for events itself: GET /ng/api/events."
      />
      <NewWebhook opened={creating} onClose={() => setCreating(false)} />
    </PageFrame>
  );
}

function NewWebhook({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const [, navigate] = useLocation();
  const [made, setMade] = useState<Webhook>();
  const save = async (body: WebhookBody) => {
    const webhook = await platform<Webhook>(credential, WEBHOOKS, { method: 'POST', body });
    // Shown before all else, and also where the form was closed meanwhile: it is not to be had again.
    setMade(webhook);
    tell(`Webhook ${webhook.identifier} was made.`);
    void refresh(WEBHOOKS);
  };
  return (
    <>
      <WebhookForm opened={opened} onClose={onClose} save={save} />
      <WebhookSecret made={made} onClose={() => made && navigate(webhookPage(made.identifier))} />
    </>
  );
}
