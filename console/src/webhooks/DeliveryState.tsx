import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';

import { tell } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Failure } from '../ui/Failure';
import { Section } from '../ui/Section';
import { Facts, Status, Time } from '../ui/words';
import { StateBadge } from './StateBadge';
import { bodyOf, eventsOf, missing, stateOf, useChange, type Webhook } from './webhooks';

interface Props {
  webhook: Webhook;
  etag: string | undefined;
  editable: boolean;
}

/** How the deliveries are doing, what is to be mended where they fail, and how they go on. */
export function DeliveryState({ webhook, etag, editable }: Props) {
  return (
    <Section title="Delivery" actions={<StateBadge webhook={webhook} />}>
      <Told webhook={webhook} />
      <Facts facts={factsOf(webhook)} />
      {editable && <GoOn webhook={webhook} etag={etag} />}
    </Section>
  );
}

const KEPT = 'Events are kept for a time only (the setting events_retention_days).';

function Told({ webhook }: { webhook: Webhook }) {
  const { enabled, types, delivery } = webhook;
  const { next, latest, failures, failingSince, lastError, disabledReason } = delivery;
  const ofTypes = types.length > 0 ? ', as far as they are of its types' : '';
  const waiting = next < latest ? `Not acknowledged: ${missing(delivery)}${ofTypes}.` : 'No event is waiting.';
  if (!enabled) {
    return (
      <Telling color={disabledReason ? 'red' : 'gray'} title={disabledReason ? 'The server has disabled it' : 'Disabled: nothing is sent'}>
        {disabledReason && <Text size="sm">{disabledReason}</Text>}
        <Text size="sm">
          {waiting} {KEPT}
        </Text>
      </Telling>
    );
  }
  if (stateOf(webhook) !== 'failing') return null;
  return (
    <Telling
      color="red"
      title={
        <>
          Failing since <Time at={failingSince} />: {failures === 1 ? '1 attempt' : `${failures} attempts`} without success
        </>
      }
    >
      <Text size="sm">{lastError}</Text>
      <Text size="sm">
        {waiting} They are sent in order, from the first one, once the receiver answers 2xx. After five days without success the webhook is disabled. {KEPT}
      </Text>
    </Telling>
  );
}

function Telling({ color, title, children }: { color: string; title: ReactNode; children: ReactNode }) {
  return (
    <Alert color={color} variant="light" role="status" title={title}>
      <Stack gap={6} style={{ overflowWrap: 'anywhere' }}>
        {children}
      </Stack>
    </Alert>
  );
}

function factsOf(webhook: Webhook): [string, ReactNode][] {
  const { next, latest, lastAttemptAt, lastStatus, lastError, nextAttemptAt } = webhook.delivery;
  const state = stateOf(webhook);
  const moves = state === 'failing' || state === 'delivering';
  const facts: [string, ReactNode][] = [
    ['Acknowledged', next < latest ? `up to number ${next} of ${latest}: ${eventsOf(latest - next)} behind` : `up to number ${latest}, the latest`],
    [
      'Last attempt',
      <Group key="last" gap="xs">
        <Time at={lastAttemptAt} none="none yet" />
        {typeof lastStatus === 'number' ? <Status status={lastStatus} /> : lastAttemptAt ? 'no answer' : null}
      </Group>,
    ],
  ];
  if (lastError && state !== 'failing') facts.push(['Its error', lastError]);
  if (moves) facts.push(['Next attempt', nextAttemptAt ? <Time at={nextAttemptAt} /> : 'under way']);
  return facts;
}

/** What makes it go on: at once, enabled again, or behind what it was not told of. */
function GoOn({ webhook, etag }: Omit<Props, 'editable'>) {
  const change = useChange(webhook.identifier);
  const [skipping, setSkipping] = useState<{ etag: string | undefined }>();
  const { enabled, identifier, delivery } = webhook;
  const { next, latest } = delivery;
  const way = enabled ? 'Go on from the latest number' : 'Enable from the latest number';
  const replace = (more: { skipToLatest?: boolean }, version: string | undefined) =>
    change('', { method: 'PUT', body: { ...bodyOf(webhook), enabled: true, ...more } }, version);
  const going = useMutation({
    mutationFn: async () => {
      await replace({}, etag);
      tell(enabled ? `Webhook ${identifier} is tried now.` : `Webhook ${identifier} is enabled.`);
    },
  });
  const skip = async () => {
    const { delivery: after } = await replace({ skipToLatest: true }, skipping?.etag);
    going.reset();
    tell(`Webhook ${identifier} goes on after number ${after.next}.`);
  };
  const failing = stateOf(webhook) === 'failing';
  return (
    <>
      {(!enabled || failing) && (
        <>
          <Group gap="xs">
            <Button size="xs" loading={going.isPending} onClick={() => going.mutate()}>
              {enabled ? 'Try now' : 'Enable'}
            </Button>
            {next < latest && (
              <Button size="xs" variant="default" onClick={() => setSkipping({ etag })}>
                {way}…
              </Button>
            )}
          </Group>
          <Failure error={going.error} />
        </>
      )}
      <Confirm
        opened={skipping !== undefined}
        onClose={() => setSkipping(undefined)}
        title={`Let ${identifier} go on from the latest number?`}
        action={way}
        run={skip}
      >
        <Stack gap="xs">
          <Text size="sm">
            What happened up to now is never sent to it{next < latest && `: ${missing(delivery)}`}. It is told of what happens from then on (skipToLatest).
          </Text>
          <Text size="sm">Its application has a wrong picture of the directory until it reads the whole of it once more.</Text>
        </Stack>
      </Confirm>
    </>
  );
}
