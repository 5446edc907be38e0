import { Alert, Text } from '@mantine/core';

import { damaged, duration, type Entry, shortPath } from './logEntry';

/** What became of the request, in a sentence; what to change about it comes first below. */
export function LogVerdict({ entry, detail, operations }: { entry: Entry; detail: string | undefined; operations: number | undefined }) {
  const { title, color } = verdict(entry, operations);
  return (
    <Alert color={color} variant="light" title={title} role="status" styles={{ title: { color: 'var(--mantine-color-text)' } }}>
      {entry.hint && (
        <Text size="sm" fw={600}>
          {entry.hint}
        </Text>
      )}
      {detail && (
        <Text size="sm" mt={entry.hint ? 6 : 0}>
          The answer said: “{detail}”
        </Text>
      )}
      {!entry.hint && !detail && <Text size="sm">{mended(entry)}</Text>}
    </Alert>
  );
}

function verdict(entry: Entry, operations: number | undefined): { title: string; color: string } {
  const { status, failedOperations, dryRun } = entry;
  const named = entry.client?.name;
  const client = named && named !== 'unknown' ? named : 'an unknown client';
  const request = `${entry.method} ${shortPath(entry.path)}`;
  const took = duration(entry.durationMicros);
  if (damaged(entry)) return { title: 'The entries that stood here are damaged on the disk', color: 'red' };
  if (status === 499) return { title: `The client (${client}) went away after ${took}, before ${request} was answered`, color: 'red' };
  const why = [entry.scimType, entry.code, entry.reason].filter(Boolean);
  if (status >= 500) return { title: `${request} of ${client} could not be done: the server answered ${status}`, color: 'red' };
  if (status >= 400) {
    const words = why.length > 0 ? ` (${[...new Set(why)].join(', ')})` : '';
    return { title: `${request} of ${client} was refused with ${status}${words}`, color: 'red' };
  }
  if (failedOperations > 0) {
    const of = operations ? `${failedOperations} of its ${operations}` : `${failedOperations} of its`;
    return { title: `A bulk request of ${client} was answered ${status}, but ${of} operations failed`, color: 'yellow' };
  }
  if (dryRun) return { title: `A dry run of ${client}: ${request} would be answered ${status}; nothing was changed`, color: 'blue' };
  return { title: `${request} of ${client} was answered ${status} in ${took}`, color: entry.unknownMembers.length > 0 ? 'yellow' : 'green' };
}

function mended({ quirks, unknownMembers }: Entry): string {
  const notes = [];
  if (quirks.length > 0) notes.push(`${quirks.length} ${quirks.length === 1 ? 'habit' : 'habits'} of the client had to be mended on the way`);
  if (unknownMembers.length > 0) notes.push(`${unknownMembers.length} of the members sent ${unknownMembers.length === 1 ? 'does' : 'do'} not exist and ${unknownMembers.length === 1 ? 'was' : 'were'} left out`);
  return notes.length > 0 ? `${notes.join('; ')}.` : 'Nothing had to be mended.';
}
