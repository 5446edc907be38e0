import { Alert, Anchor, Button, Group, Switch, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { Link } from 'wouter';

import { usePlatform } from '../ui/calls';
import { Failure } from '../ui/Failure';
import { type Column, Listing } from '../ui/Listing';
import { damaged, duration, type Entry, Outcome, shortPath, who, Wrong } from './logEntry';
import { LogExport } from './LogExport';
import { LogFilters, narrowed, NO_FILTER, queryOf } from './LogFilters';
import { PageFrame } from '../ui/PageFrame';
import { Stamp } from '../ui/Stamp';
import { useKept } from '../ui/useKept';
import { Time } from '../ui/words';

const LIVE_MILLIS = 3_000;

interface Entries {
  entries: Entry[];
  nextCursor: string | null;
  lost: { entries: number; lastAt: number | null };
}

const COLUMNS: Column<Entry>[] = [
  { title: 'Time', width: 170, cell: (entry) => <Stamp at={entry.timestamp} /> },
  {
    title: 'Request',
    cell: (entry) => (
      <Anchor component={Link} href={`/log/${encodeURIComponent(entry.id)}`} size="sm" className="mono" style={{ display: 'block', minWidth: 180 }}>
        {damaged(entry) ? 'Damaged entries' : `${entry.method} ${shortPath(entry.path)}${entry.query ? `?${readable(entry.query)}` : ''}`}
      </Anchor>
    ),
  },
  { title: 'Answer', cell: (entry) => <Outcome entry={entry} /> },
  { title: 'What went wrong', width: 150, cell: (entry) => <Wrong entry={entry} /> },
  { title: 'Client', cell: (entry) => <Text size="sm">{entry.client?.name ?? '–'}</Text> },
  { title: 'Who', cell: (entry) => <Text size="xs" style={{ overflowWrap: 'anywhere', minWidth: 140 }}>{who(entry)}</Text> },
  { title: 'Took', width: 80, cell: (entry) => <Text size="sm" style={{ whiteSpace: 'nowrap' }}>{duration(entry.durationMicros)}</Text> },
];

/** A query as it was meant; a damaged escape is left as it came. */
function readable(query: string): string {
  try {
    return decodeURIComponent(query.replaceAll('+', ' '));
  } catch {
    return query;
  }
}

export function Log() {
  const [typed, setTyped] = useKept('filters', NO_FILTER);
  const [filter] = useDebouncedValue(typed, 300);
  const [live, setLive] = useState(false);
  const [place, setPlace] = useKept<{ of: string; cursors: string[] }>('pages', { of: '', cursors: [] });
  const [trouble, setTrouble] = useState<unknown>();
  // A cursor holds for the filters it was given with; others begin with the newest.
  const of = JSON.stringify(filter);
  const cursors = place.of === of ? place.cursors : [];
  const setCursors = (cursors: string[]) => setPlace({ of, cursors });
  const cursor = cursors.at(-1);
  const query = queryOf(filter);
  const { data, error, isPending, isPlaceholderData } = usePlatform<Entries>('/ng/api/provisioning-log', {
    query: { ...query, limit: 50, cursor },
    refetchInterval: live && !cursor ? LIVE_MILLIS : false,
    keep: true,
  });
  const lost = data?.lost;
  const next = isPlaceholderData ? null : data?.nextCursor;
  return (
    <PageFrame
      title="Provisioning log"
      about="The SCIM requests of this account: what was sent, what was answered, and what to change where it failed."
      actions={
        <>
          <Switch
            label="Live"
            checked={live}
            onChange={(event) => {
              setLive(event.currentTarget.checked);
              setCursors([]);
            }}
          />
          <LogExport query={query} onError={setTrouble} />
        </>
      }
    >
      <Failure error={trouble} title="The entries were not exported" />
      <LogFilters value={typed} onChange={setTyped} />
      {lost && lost.entries > 0 && (
        <Alert color="yellow" styles={{ title: { color: 'var(--mantine-color-text)' } }} title={`${lost.entries} ${lost.entries === 1 ? 'entry was' : 'entries were'} dropped, ever`}>
          More came at once than could be written. The last time was <Time at={lost.lastAt} />; the requests themselves were answered.
        </Alert>
      )}
      <Listing
        label="Provisioning log"
        columns={COLUMNS}
        items={data?.entries}
        keyOf={(entry) => entry.id}
        loading={isPending}
        error={error}
        empty={
          next
            ? 'None of the newest entries looked at fits. Older ones may: go on with “Older”.'
            : narrowed(filter)
              ? 'No entry fits these filters.'
              : 'No SCIM request has come yet but what this console read.'
        }
      />
      {(cursor || next) && (
        <Group gap="xs" justify="flex-end">
          <Button variant="default" size="xs" disabled={!cursor} onClick={() => setCursors(cursors.slice(0, -1))}>
            Newer
          </Button>
          <Button
            variant="default"
            size="xs"
            disabled={!next}
            onClick={() => {
              setLive(false);
              if (next) setCursors([...cursors, next]);
            }}
          >
            Older
          </Button>
        </Group>
      )}
    </PageFrame>
  );
}
