import { Alert, Button, Code, CopyButton, Group, Modal, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  secret: string | undefined;
  what: string;
  onClose: () => void;
  /** What belongs beside it, such as where to paste it. */
  children?: ReactNode;
}

/** A secret that is shown once. It leaves the page when this is closed; the server keeps its hash only. */
export function SecretOnce({ secret, what, onClose, children }: Props) {
  return (
    <Modal opened={secret !== undefined} onClose={onClose} title={what} size="lg" closeOnClickOutside={false} closeOnEscape={false}>
      <Stack>
        <Alert color="yellow">Copy it now: it is not shown again, and cannot be read back from the server.</Alert>
        <Code block className="mono" data-testid="secret" style={{ whiteSpace: 'pre-wrap', userSelect: 'all' }}>
          {secret ?? ''}
        </Code>
        {children}
        <Group justify="space-between">
          {window.isSecureContext ? (
            <CopyButton value={secret ?? ''}>
              {({ copied, copy }) => <Button onClick={copy}>{copied ? 'Copied' : 'Copy'}</Button>}
            </CopyButton>
          ) : (
            <Text size="sm">Select it to copy it: without HTTPS a browser lets no page do that.</Text>
          )}
          <Button variant="default" onClick={onClose}>
            I have it
          </Button>
        </Group>
        <Text size="xs" c="dimmed">
          Whoever has it can do what its owner may do.
        </Text>
      </Stack>
    </Modal>
  );
}
