import { Alert, Button, Code, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';

import { platform } from '../api';
import { useSession } from '../session';
import { Failure } from '../ui/Failure';
import { webhookPath } from './webhooks';

interface Trial {
  delivered: boolean;
  status?: number | null;
  milliseconds: number;
  body?: string | null;
  error?: string | null;
}

/** A message without events, and what the receiver said to it. */
export function SendTest({ identifier }: { identifier: string }) {
  const { credential } = useSession();
  const sending = useMutation({
    mutationFn: () => platform<Trial>(credential, webhookPath(identifier, '/test'), { method: 'POST' }),
  });
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <Button variant="default" loading={sending.isPending} onClick={() => sending.mutate()}>
          Send a test
        </Button>
        <Text size="sm" c="dimmed">
          A signed message of the type webhook.test, without events; also while it is disabled.
        </Text>
      </Group>
      <Failure error={sending.error} title="No test was sent" />
      <div role="status">{sending.data && !sending.isPending && <Outcome trial={sending.data} />}</div>
    </Stack>
  );
}

function Outcome({ trial: { delivered, status, milliseconds, body, error } }: { trial: Trial }) {
  const answered = typeof status === 'number' ? `The receiver answered ${status} after ${milliseconds} ms` : `There was no answer after ${milliseconds} ms`;
  return (
    <Alert color={delivered ? 'green' : 'red'} variant="light" role="presentation" title={`${delivered ? 'Delivered' : 'Not delivered'}. ${answered}.`}>
      <Stack gap={6} style={{ overflowWrap: 'anywhere' }}>
        {error && <Text size="sm">{error}</Text>}
        {body ? (
          !error?.includes(body) && (
            <>
              <Text size="sm">Its answer begins:</Text>
              <Code block className="mono" style={{ whiteSpace: 'pre-wrap' }}>
                {body}
              </Code>
            </>
          )
        ) : (
          delivered && <Text size="sm">Its answer has no body.</Text>
        )}
      </Stack>
    </Alert>
  );
}
