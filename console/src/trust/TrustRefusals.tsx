import { Box, Stack, Text } from '@mantine/core';

import { usePlatform } from '../ui/calls';
import { type Column, Listing } from '../ui/Listing';
import { Section } from '../ui/Section';
import { type Refusal, stretch, trustPath } from './trust';
import { Facts, Id, Time } from '../ui/words';

const COLUMNS: Column<Refusal>[] = [
  {
    title: 'When',
    width: 190,
    cell: ({ at, count }) => (
      <Stack gap={0} miw={110}>
        <Time at={at} />
        {count > 1 && (
          <Text size="xs" c="dimmed">
            {count} times
          </Text>
        )}
      </Stack>
    ),
  },
  {
    title: 'Why',
    cell: ({ stepNumber, step, reason, expected, received, hint, clockDifferenceSeconds: clock }) => (
      <Stack gap={2} miw={260}>
        <Text size="sm" fw={600}>
          Step {stepNumber}, {step}: <span className="mono">{reason}</span>
        </Text>
        {(expected ?? received) && (
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            Expected {expected || 'nothing'}, received {received || 'nothing'}.
          </Text>
        )}
        {hint && <Text size="sm">{hint}</Text>}
        {clock !== null && clock !== undefined && (
          <Text size="sm">
            The clock here is {stretch(clock)} {clock >= 0 ? 'ahead' : 'behind'}.
          </Text>
        )}
      </Stack>
    ),
  },
  {
    title: 'Token',
    width: 300,
    cell: ({ issuer, subject, kid, algorithm }) => {
      const said: [string, string | null | undefined][] = [['iss', issuer], ['sub', subject], ['kid', kid], ['alg', algorithm]];
      return (
        <Box miw={240}>
          <Facts facts={said.filter(([, value]) => value)} />
        </Box>
      );
    },
  },
  {
    title: 'Request',
    width: 200,
    cell: ({ address, requestId }) => (
      <Stack gap={0} miw={180} align="flex-start">
        <Text size="sm">{address}</Text>
        {requestId && <Id>{requestId}</Id>}
      </Stack>
    ),
  },
];

/** The last tokens that a trust refused, and why. */
export function TrustRefusals({ identifier }: { identifier: string }) {
  const refusals = usePlatform<Refusal[]>(trustPath(identifier, '/refusals'), { refetchInterval: 10_000 });
  return (
    <Section title="Last refusals" about="The last 50 tokens that this trust refused, those of other replicas within two seconds.">
      <Listing
        label="Last refusals"
        columns={COLUMNS}
        items={refusals.data}
        keyOf={({ at, requestId, step }) => `${at} ${requestId ?? ''} ${step}`}
        loading={refusals.isPending}
        error={refusals.error}
        empty="It has refused no token."
      />
    </Section>
  );
}
