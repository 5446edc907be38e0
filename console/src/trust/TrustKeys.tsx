import { Badge, Box, Button, List, Stack, Text, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Failure } from '../ui/Failure';
import { type Column, Listing } from '../ui/Listing';
import { Section } from '../ui/Section';
import { stretch, trustPath } from './trust';
import { Facts, Id, Tags, Time } from '../ui/words';

interface Key {
  kid?: string | null;
  algorithms: string[];
  bits?: number | null;
}

interface Ignored {
  index: number;
  kid?: string | null;
  reason: string;
  detail: string;
}

interface Keys {
  state: string;
  url?: string | null;
  discoveryUrl?: string | null;
  fetchedAt?: number | null;
  ageSeconds?: number | null;
  expiresAt?: number | null;
  servesUntil?: number | null;
  nextRefreshAt?: number | null;
  lastError?: string | null;
  lastErrorAt?: number | null;
  keys: Key[];
  ignored: Ignored[];
}

const STATES: Record<string, string> = {
  fresh: 'in use, and not at their end',
  stale: 'past their end; they serve while the issuer cannot be reached',
  expired: 'past their end for too long; tokens are refused',
  unreachable: 'never fetched; the issuer cannot be reached, tokens are refused',
  notFetched: 'not asked for yet; the first token does',
  stored: 'stored in the trust',
  unusable: 'cannot be used; tokens are refused',
};
const GOOD = ['fresh', 'stored'];
const BAD = ['expired', 'unreachable', 'unusable'];

const COLUMNS: Column<Key>[] = [
  { title: 'kid', cell: ({ kid }) => (kid ? <Box miw={150}><Id>{kid}</Id></Box> : <Text size="sm" c="dimmed">none</Text>) },
  { title: 'Algorithms', cell: ({ algorithms }) => <Tags words={algorithms} /> },
  { title: 'Bits', cell: ({ bits }) => bits ?? '', width: 80 },
];

function factsOf(keys: Keys): [string, ReactNode][] {
  const { state } = keys;
  const color = GOOD.includes(state) ? '#237032' : BAD.includes(state) ? 'red.9' : 'gray.8';
  const facts: [string, ReactNode][] = [
    [
      'State',
      <>
        <Badge color={color} tt="none">
          {state}
        </Badge>{' '}
        {STATES[state]}
      </>,
    ],
  ];
  if (keys.discoveryUrl) facts.push(['Discovery', keys.discoveryUrl]);
  if (keys.url) facts.push(['URL', keys.url]);
  if (keys.fetchedAt) facts.push(['Fetched', <><Time at={keys.fetchedAt} />, {stretch(keys.ageSeconds ?? 0)} ago</>]);
  if (keys.nextRefreshAt) facts.push(['Next refresh', <Time at={keys.nextRefreshAt} />]);
  if (keys.expiresAt) facts.push(['End', <><Time at={keys.expiresAt} />; in an outage they serve until <Time at={keys.servesUntil} /></>]);
  if (keys.lastError) facts.push(['Last error', <>{keys.lastError} {keys.lastErrorAt && <>(<Time at={keys.lastErrorAt} />)</>}</>]);
  return facts;
}

/** The issuer's keys as the replica that answers has them. */
export function TrustKeys({ identifier }: { identifier: string }) {
  const { credential, can } = useSession();
  const refresh = useRefresh();
  const path = trustPath(identifier, '/keys');
  const asked = usePlatform<Keys>(path, { refetchInterval: 15_000 });
  const refreshing = useMutation({
    mutationFn: () => platform<Keys>(credential, `${path}/refresh`, { method: 'POST' }),
    onSuccess: (keys) => tell(keys.lastError ? 'The issuer was asked, and did not give its keys.' : 'The keys were fetched.'),
    onSettled: () => refresh(path),
  });
  const keys = asked.data;
  const fetched = keys && keys.state !== 'stored' && keys.state !== 'unusable';
  return (
    <Section
      title="Keys"
      about="As the replica that answers has them."
      actions={
        fetched &&
        can('core_setting_edit') && (
          <Button size="xs" variant="default" loading={refreshing.isPending} onClick={() => refreshing.mutate()}>
            Refresh now
          </Button>
        )
      }
    >
      <Failure error={refreshing.error} title="The keys were not asked for" />
      {keys && <Facts facts={factsOf(keys)} />}
      <Listing
        label="Keys"
        columns={COLUMNS}
        items={keys?.keys}
        keyOf={(key) => `${key.kid ?? ''} ${key.algorithms.join()} ${key.bits ?? ''}`}
        loading={asked.isPending}
        error={asked.error}
        empty="There is no key to check with."
      />
      {keys && keys.ignored.length > 0 && (
        <Stack gap={4}>
          <Title order={3} size="h6">
            Ignored
          </Title>
          <List size="sm">
            {keys.ignored.map(({ index, kid, reason, detail }) => (
              <List.Item key={index}>
                Key {index + 1}
                {kid ? `, ${kid}` : ''}: {detail} <span className="mono">({reason})</span>
              </List.Item>
            ))}
          </List>
        </Stack>
      )}
    </Section>
  );
}
