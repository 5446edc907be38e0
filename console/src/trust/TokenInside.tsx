import { Badge, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

import type { Inside } from './verdict';
import { stretch } from './trust';
import { Facts, Json, Time } from '../ui/words';

const TIMES = [
  ['iat', 'Issued'],
  ['nbf', 'Not before'],
  ['exp', 'Ends'],
] as const;

function timesOf(claims: unknown): [string, ReactNode][] {
  if (typeof claims !== 'object' || claims === null) return [];
  const facts: [string, ReactNode][] = [];
  for (const [claim, name] of TIMES) {
    const at = (claims as Record<string, unknown>)[claim];
    // Beyond these a date cannot be shown.
    if (typeof at !== 'number' || Math.abs(at) > 8e12) continue;
    const ahead = at - Date.now() / 1000;
    facts.push([
      `${name} (${claim})`,
      <Group key={claim} gap="xs">
        <Time at={at * 1000} />
        <Text span size="sm" c="dimmed">
          {ahead > 0 ? `in ${stretch(ahead)}` : `${stretch(ahead)} ago`}
        </Text>
        {claim === 'exp' && ahead <= 0 && (
          <Badge color="red.9" tt="none">
            expired
          </Badge>
        )}
      </Group>,
    ]);
  }
  return facts;
}

/** The header and the claims of a JWT, read on this page. */
export function TokenInside({ inside }: { inside: Inside }) {
  const times = timesOf(inside.claims);
  return (
    <Stack gap="sm">
      {times.length > 0 && <Facts facts={times} />}
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <div>
          <Text size="sm" fw={600} mb={4}>
            Header
          </Text>
          <Json value={inside.header} label="Header of the token" />
        </div>
        <div>
          <Text size="sm" fw={600} mb={4}>
            Claims
          </Text>
          <Json value={inside.claims} label="Claims of the token" />
        </div>
      </SimpleGrid>
    </Stack>
  );
}
