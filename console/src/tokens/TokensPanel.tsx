import { Alert, Button } from '@mantine/core';
import { useState } from 'react';

import { type Page, platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { KeyTable } from './KeyTable';
import { RotateForm } from './RotateForm';
import { Section } from '../ui/Section';
import { TokenForm } from './TokenForm';
import { type MadeToken, TokenOnce } from './TokenOnce';
import { TokenTable } from './TokenTable';
import { type KeyRow, LIMIT, ofOwner, type Owner, sameToken, type Token, type TokenRow, useTokenInUse } from './tokens';

const SIZE = 20;
const KEYS = '/ng/api/apikey/aggregate';
const TOKENS = '/ng/api/token/aggregate';

/** The tokens of an owner and the keys that hold them: making, rotating and revoking them. */
export function TokensPanel({ owner }: { owner: Owner }) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const inUse = useTokenInUse();
  const [page, setPage] = useState(1);
  const [making, setMaking] = useState(false);
  const [rotating, setRotating] = useState<Token>();
  const [revoking, setRevoking] = useState<Token>();
  const [made, setMade] = useState<MadeToken>();
  const { scope } = owner;
  const keys = usePlatform<Page<KeyRow>>(KEYS, { query: { ...ofOwner(owner), pageSize: LIMIT, sortOrders: 'createdAt,ASC' }, scope });
  const query = { ...ofOwner(owner), pageIndex: page - 1, pageSize: SIZE, sortOrders: 'createdAt,DESC' };
  const tokens = usePlatform<Page<TokenRow>>(TOKENS, { query, scope, keep: true });

  const revoke = async (token: Token) => {
    await platform(credential, `/ng/api/token/${encodeURIComponent(token.identifier)}`, {
      method: 'DELETE',
      query: { ...ofOwner(owner), apiKeyIdentifier: token.apiKeyIdentifier },
      scope,
    });
    tell(`The token ${token.name} is revoked.`);
    // Whoever was signed in with it goes to the door.
    void refresh('whoami', '/ng/api/token', '/ng/api/apikey', '/ng/api/serviceaccount');
  };
  return (
    <>
      <Section
        title="Tokens"
        about="A token acts with what its owner may do at the moment of the request."
        actions={
          <Button size="xs" onClick={() => setMaking(true)} disabled={!keys.data}>
            New token
          </Button>
        }
      >
        <TokenTable tokens={tokens} page={page} onPage={setPage} inUse={inUse} onRotate={setRotating} onRevoke={setRevoking} />
      </Section>
      <KeyTable owner={owner} keys={keys} inUse={inUse} />
      <TokenForm opened={making} onClose={() => setMaking(false)} owner={owner} keys={keys.data?.content ?? []} onMade={setMade} />
      <RotateForm token={rotating} onClose={() => setRotating(undefined)} owner={owner} inUse={inUse} onMade={setMade} />
      <TokenOnce made={made} onClose={() => setMade(undefined)} />
      <Confirm
        opened={revoking !== undefined}
        onClose={() => setRevoking(undefined)}
        title="Revoke the token?"
        action="Revoke"
        run={() => (revoking ? revoke(revoking) : Promise.resolve())}
      >
        {revoking && sameToken(revoking, inUse) && (
          <Alert color="red" mb="sm">
            You are signed in with this token: revoking it signs you out.
          </Alert>
        )}
        <b>{revoking?.name}</b> is refused with the next request, and cannot be had back. To replace it without a gap, rotate it.
      </Confirm>
    </>
  );
}
