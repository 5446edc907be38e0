/** An entry of the provisioning log, and how its parts are said in words. */
import { Badge, Group, Text, Tooltip } from '@mantine/core';

import { Status } from '../ui/words';

export interface Entry {
  id: string;
  timestamp: number;
  requestId: string;
  method: string;
  path: string;
  query: string | null;
  status: number;
  scimType: string | null;
  code: string | null;
  reason: string | null;
  hint: string | null;
  durationMicros: number;
  dryRun: boolean;
  client: { name: string; userAgent?: string | null } | null;
  principal: { type: string; identifier: string; label?: string | null; name?: string | null } | null;
  credential: Record<string, unknown> | null;
  resourceId: string | null;
  quirks: { name: string; at?: string | null }[];
  unknownMembers: string[];
  failedOperations: number;
}

/** What stands behind the account's base; the base is the same in all of them. */
export function shortPath(path: string): string {
  return path.replace(/^(?:\/gateway)?(?:\/scim\/v2|\/ng\/api\/scim\/account)\/[^/]+/, '') || '/';
}

export function duration(micros: number): string {
  if (micros < 1_000) return `${micros} µs`;
  if (micros < 1_000_000) return `${(micros / 1_000).toFixed(1)} ms`;
  return `${(micros / 1_000_000).toFixed(1)} s`;
}

/** A stored block that is damaged: it stands for requests that cannot be read any more. */
export function damaged(entry: Entry): boolean {
  return entry.status === 0;
}

export function Outcome({ entry }: { entry: Entry }) {
  return (
    <Group gap={4} wrap="nowrap" w="max-content">
      {damaged(entry) ? (
        <Badge color="red.9" variant="filled">
          damaged
        </Badge>
      ) : (
        <Status status={entry.status} />
      )}
      {entry.dryRun && (
        <Tooltip label="Nothing was changed">
          <Badge variant="default" tt="none">
            dry run
          </Badge>
        </Tooltip>
      )}
    </Group>
  );
}

/** Who it was, or what a refused credential says of itself. */
export function who(entry: Entry): string {
  const { principal } = entry;
  return principal ? (principal.label ?? principal.name ?? principal.identifier) : '–';
}

export function Wrong({ entry }: { entry: Entry }) {
  const words = [entry.scimType, entry.code, entry.reason].filter((word): word is string => Boolean(word));
  if (entry.failedOperations > 0) words.push(`${entry.failedOperations} ${entry.failedOperations === 1 ? 'operation' : 'operations'} failed`);
  if (damaged(entry) && entry.hint) words.push(entry.hint);
  if (words.length > 0) {
    return (
      <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
        {[...new Set(words)].join(' · ')}
      </Text>
    );
  }
  const notes = [];
  if (entry.quirks.length > 0) notes.push(`${entry.quirks.length} mended`);
  if (entry.unknownMembers.length > 0) notes.push(`${entry.unknownMembers.length} unknown ${entry.unknownMembers.length === 1 ? 'member' : 'members'}`);
  return (
    <Text size="sm" c="dimmed">
      {notes.join(' · ') || '–'}
    </Text>
  );
}
