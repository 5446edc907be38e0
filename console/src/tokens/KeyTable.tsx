import { Alert, Button } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { useState } from 'react';

import { type Page, platform } from '../api';
import { useSession } from '../session';
import { tell, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { type Column, Listing } from '../ui/Listing';
import { NameAndId } from '../ui/NameAndId';
import { Section } from '../ui/Section';
import { DAY, type KeyRow, LIMIT, ofOwner, type Owner, type Token } from './tokens';
import { Time } from '../ui/words';

interface Props {
  owner: Owner;
  keys: UseQueryResult<Page<KeyRow>>;
  inUse: Token | undefined;
}

/** The keys: what holds the tokens, and takes them along when it goes. */
export function KeyTable({ owner, keys: { data, error, isPending }, inUse }: Props) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const [deleting, setDeleting] = useState<KeyRow>();
  const holdsMine =
    deleting !== undefined &&
    inUse?.apiKeyIdentifier === deleting.apiKey.identifier &&
    inUse.parentIdentifier === owner.identifier &&
    inUse.apiKeyType === owner.type;
  const remove = async ({ apiKey }: KeyRow) => {
    await platform(credential, `/ng/api/apikey/${encodeURIComponent(apiKey.identifier)}`, {
      method: 'DELETE',
      query: ofOwner(owner),
      scope: owner.scope,
    });
    tell(`The API key ${apiKey.name} is deleted.`);
    void refresh('whoami', '/ng/api/token', '/ng/api/apikey', '/ng/api/serviceaccount');
  };
  const columns: Column<KeyRow>[] = [
    { title: 'API key', cell: ({ apiKey }) => <NameAndId name={apiKey.name} id={apiKey.identifier} /> },
    { title: 'Tokens', cell: ({ tokensCount }) => tokensCount },
    { title: 'Life of its tokens by default', cell: ({ apiKey }) => days(apiKey.defaultTimeToExpireToken) },
    { title: 'Created', cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      title: 'Actions',
      width: 90,
      cell: (row) => (
        <Button size="compact-xs" variant="default" onClick={() => setDeleting(row)} aria-label={`Delete the API key ${row.apiKey.name}`}>
          Delete
        </Button>
      ),
    },
  ];
  return (
    <Section title="API keys" about={`A key holds up to ${LIMIT} tokens; there are ${LIMIT} keys at most. A new token makes its key where there is none.`}>
      <Listing
        label="API keys"
        columns={columns}
        items={data?.content}
        keyOf={({ apiKey }) => apiKey.identifier}
        loading={isPending}
        error={error}
        empty="There are no API keys."
      />
      <Confirm
        opened={deleting !== undefined}
        onClose={() => setDeleting(undefined)}
        title="Delete the API key?"
        action="Delete"
        run={() => (deleting ? remove(deleting) : Promise.resolve())}
      >
        {holdsMine && (
          <Alert color="red" mb="sm">
            It holds the token that you are signed in with: deleting it signs you out.
          </Alert>
        )}
        <b>{deleting?.apiKey.name}</b> goes with its {deleting?.tokensCount} token{deleting?.tokensCount === 1 ? '' : 's'}: each is refused
        with the next request, and cannot be had back.
      </Confirm>
    </Section>
  );
}

function days(milliseconds: number): string {
  const count = Math.round((milliseconds / DAY) * 10) / 10;
  return count === 1 ? '1 day' : `${count} days`;
}
