import { Stack, Text } from '@mantine/core';

import { scimBase } from '../api';
import { useSession } from '../session';
import { SecretOnce } from '../ui/SecretOnce';
import { Facts, Id } from '../ui/words';

export interface MadeToken {
  secret: string;
  what: string;
  surfaces: string[];
}

/** The text of a new token, with the address that an identity provider wants beside it. */
export function TokenOnce({ made, onClose }: { made: MadeToken | undefined; onClose: () => void }) {
  const { credential } = useSession();
  const base = scimBase(credential);
  return (
    <SecretOnce secret={made?.secret} what={made?.what ?? 'The token'} onClose={onClose}>
      {made?.surfaces.includes('scim') && (
        <Stack gap={6}>
          <Facts facts={[['SCIM base URL', <Id key="base">{base}</Id>]]} />
          <Text size="sm" c="dimmed">
            At Okta: “Base URL”, and the token as “HTTP Header” authorization. At Entra ID: “Tenant URL” and “Secret Token”.
          </Text>
        </Stack>
      )}
    </SecretOnce>
  );
}
