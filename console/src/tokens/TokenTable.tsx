import { Badge, Box, Button, Group, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';

import type { Page } from '../api';
import { type Column, Listing } from '../ui/Listing';
import { sameToken, type Token, tokenKey, type TokenRow } from './tokens';
import { Tags, Time, YesNo } from '../ui/words';

interface Props {
  tokens: UseQueryResult<Page<TokenRow>>;
  page: number;
  onPage: (page: number) => void;
  inUse: Token | undefined;
  onRotate: (token: Token) => void;
  onRevoke: (token: Token) => void;
}

/** The tokens of an owner, of all its keys. */
export function TokenTable({ tokens: { data, error, isPending }, page, onPage, inUse, onRotate, onRevoke }: Props) {
  const columns: Column<TokenRow>[] = [
    { title: 'Token', cell: ({ token }) => <Name token={token} inUse={sameToken(token, inUse)} /> },
    { title: 'API key', cell: ({ token }) => <Box miw={90} className="mono">{token.apiKeyIdentifier}</Box> },
    { title: 'Opens', cell: ({ token }) => <Tags words={token.surfaces} /> },
    { title: 'Ends', cell: ({ expiryAt }) => <When at={expiryAt} /> },
    { title: 'Last used', cell: (row) => <Used row={row} /> },
    { title: 'Status', cell: ({ token }) => <Validity token={token} /> },
    {
      title: 'Actions',
      cell: ({ token }) => (
        <Group gap={4} wrap="nowrap" justify="flex-end">
          {token.scheduledExpireTime === null && (
            <Button size="compact-xs" variant="default" onClick={() => onRotate(token)} aria-label={`Rotate ${token.name}`}>
              Rotate
            </Button>
          )}
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => onRevoke(token)}
            aria-label={`Revoke ${token.scheduledExpireTime === null ? '' : 'the old secret of '}${token.name}`}
          >
            Revoke
          </Button>
        </Group>
      ),
    },
  ];
  return (
    <Listing
      label="Tokens"
      columns={columns}
      items={data?.content}
      keyOf={({ token }) => tokenKey(token)}
      loading={isPending}
      error={error}
      empty="There are no tokens."
      {...(data && { pages: { page, total: data.totalPages, items: data.totalItems, onPage } })}
    />
  );
}

function Name({ token, inUse }: { token: Token; inUse: boolean }) {
  return (
    <>
      <Group gap={6} miw={120}>
        <Text size="sm">{token.name}</Text>
        {inUse && (
          <Badge color="cyan.9" variant="filled" size="sm">
            in use here
          </Badge>
        )}
        {token.scheduledExpireTime !== null && (
          <Badge variant="default" size="sm">
            old secret
          </Badge>
        )}
      </Group>
      <Text size="xs" c="dimmed" className="mono" fz="xs">
        {token.identifier}
      </Text>
    </>
  );
}

function When({ at }: { at: number | null }) {
  return (
    <Box miw={110}>
      <Time at={at} />
    </Box>
  );
}

function Used({ row: { lastUsedAt, lastUsedFrom } }: { row: TokenRow }) {
  return (
    <>
      <When at={lastUsedAt} />
      {lastUsedFrom && (
        <Text size="xs" c="dimmed">
          from {lastUsedFrom}
        </Text>
      )}
    </>
  );
}

function Validity({ token }: { token: Token }) {
  const early = !token.valid && token.validFrom > Date.now();
  return <YesNo yes={token.valid} on="valid" off={early ? 'not yet valid' : 'ended'} />;
}
