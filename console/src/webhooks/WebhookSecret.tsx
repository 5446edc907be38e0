import { Text } from '@mantine/core';

import { SecretOnce } from '../ui/SecretOnce';
import type { Webhook } from './webhooks';

/** The secret of a webhook that was made or rotated just now. */
export function WebhookSecret({ made, onClose }: { made: Webhook | undefined; onClose: () => void }) {
  return (
    <SecretOnce
      secret={made?.secret}
      what={`The secret of webhook ${made?.identifier ?? ''}`}
      onClose={onClose}
      power="Whoever has it can send your application events that seem to come from here."
    >
      <Text size="sm">
        Your application verifies with it that a message is from this server, and unchanged. The webhook’s page shows how.
        {made?.formerSecretUntil && ' The former secret signs beside it for 24 hours.'}
      </Text>
    </SecretOnce>
  );
}
