import { Button, Group, MultiSelect, Switch, Text, TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';

import { Refused } from '../api';
import { useSession } from '../session';
import { EventTable } from './EventTable';
import { OF_GROUPS, OF_RESOURCES, OF_USERS } from './eventTypes';
import { Failure } from '../ui/Failure';
import { PageFrame } from '../ui/PageFrame';
import { most, useEvents } from './useEvents';

const STEP = 100n;

export function Events() {
  const { can } = useSession();
  const [after, setAfter] = useState<string>();
  const [typed, setTyped] = useState('');
  const [picked, setPicked] = useState<string[]>([]);
  const [live, setLive] = useState(false);
  // Without types all of them are asked for, and who may not see some of them is refused.
  const users = can('core_user_view');
  const groups = can('core_usergroup_view');
  const choices = [...(users ? [...OF_USERS, ...OF_RESOURCES] : []), ...(groups ? OF_GROUPS : [])];
  const wanted = picked.length > 0 || users !== groups ? (picked.length > 0 ? picked : choices).join(',') : undefined;
  const { events, next, latest, oldest, error, waiting, more } = useEvents(after, wanted, live);

  const end = useRef<HTMLDivElement>(null);
  const last = events.at(-1)?.number;
  useEffect(() => {
    if (live && last !== undefined) end.current?.scrollIntoView({ block: 'nearest' });
  }, [live, last]);

  const first = events[0]?.number ?? next;
  const begin = (number: bigint | undefined) => {
    setAfter(number === undefined ? undefined : String(number));
    setTyped('');
  };
  const gone = error instanceof Refused && error.status === 410;
  return (
    <PageFrame
      title="Events"
      about="What changed in the directory, numbered without holes, as GET /ng/api/events tells it to applications. Newest at the end."
    >
      <Group gap="sm" align="flex-end">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setAfter(typed.trim() || undefined);
          }}
        >
          <Group gap="xs" align="flex-end" wrap="nowrap">
            <TextInput size="xs" w={140} label="After number" inputMode="numeric" placeholder="the last ones" value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
            <Button type="submit" size="xs" variant="default">
              Go
            </Button>
          </Group>
        </form>
        <MultiSelect size="xs" miw={240} maw={520} label="Types" placeholder={picked.length ? '' : 'All'} data={choices} value={picked} onChange={setPicked} searchable clearable />
        <Switch label="Live" checked={live} onChange={(event) => setLive(event.currentTarget.checked)} pb={4} />
      </Group>
      {error !== undefined && (
        <>
          <Failure error={error} title={gone ? 'These numbers are not there' : 'The events could not be loaded'} />
          {gone && (
            <Text size="sm">
              Events are kept for a time only (the setting events_retention_days), and a database that was put back to an earlier day has given fewer numbers than you have
              seen. An application begins again: it asks for the latest number, reads the whole directory once, and follows the events from there.
            </Text>
          )}
          <Group>
            <Button size="xs" variant="default" onClick={gone ? () => begin(undefined) : more}>
              {gone ? 'Show the newest' : 'Try again'}
            </Button>
          </Group>
        </>
      )}
      {oldest !== undefined && latest !== undefined && (
        <Group justify="space-between">
          <Text size="sm" c="dimmed">
            {latest === 0n ? 'None yet' : `Kept: ${oldest} to ${latest}`}
          </Text>
          {first !== undefined && first > oldest && (
            <Button size="compact-sm" variant="subtle" onClick={() => begin(most(oldest - 1n, first - 1n - STEP))}>
              Earlier
            </Button>
          )}
        </Group>
      )}
      {(error === undefined || events.length > 0) && <EventTable events={events} waiting={waiting} />}
      <Group justify="space-between" ref={end}>
        <Text size="sm" c="dimmed" role="status">
          {next === undefined ? '' : live && error === undefined ? `Seen up to number ${next}; waiting for the next one.` : `Seen up to number ${next}.`}
        </Text>
        {!live && next !== undefined && (
          <Button size="compact-sm" variant="subtle" onClick={more}>
            {latest !== undefined && next < latest ? 'Later' : 'Look for new ones'}
          </Button>
        )}
      </Group>
    </PageFrame>
  );
}
