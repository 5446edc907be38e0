import { Alert, Anchor } from '@mantine/core';
import { Link } from 'wouter';

import { scopeOf } from '../access/access';
import { useSession } from '../session';
import { PageFrame } from '../ui/PageFrame';
import { accountPath } from './serviceAccounts';
import { TokensPanel } from './TokensPanel';

/** The keys and tokens of the person who is signed in; nobody else makes or changes them. */
export function Tokens() {
  const { whoami, setScope } = useSession();
  const { type, identifier, name } = whoami.principal;
  if (type === 'SERVICE_ACCOUNT') {
    return (
      <PageFrame title="Your tokens">
        <Alert color="gray" title={`${name} is a service account`}>
          A service account has no tokens of its own here: who may manage its API keys makes them on{' '}
          <Anchor component={Link} href={accountPath(identifier)} onClick={() => setScope(scopeOf(whoami.principal))} size="sm">
            its page
          </Anchor>
          .
        </Alert>
      </PageFrame>
    );
  }
  return (
    <PageFrame title="Your tokens" about="Personal access tokens: they act as you, everywhere in the account. Only you see, make and revoke them.">
      <TokensPanel owner={{ type: 'USER', identifier, scope: {} }} />
    </PageFrame>
  );
}
