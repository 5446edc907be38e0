import { Alert, Button, Code, Group, Modal, Stack, Text } from '@mantine/core';
import { type ReactNode, useRef } from 'react';

import { BY_HAND, useCopy } from './useCopy';

interface Props {
  secret: string | undefined;
  what: string;
  onClose: () => void;
  /** What it opens, for who would not take care of it. */
  power?: string;
  /** What belongs beside it, such as where to paste it. */
  children?: ReactNode;
}

/** A secret that is shown once. It leaves the page when it is said to be kept, and by nothing else, and the API never shows it again. */
export function SecretOnce({ secret, what, onClose, power = 'Whoever has it can do what its owner may do.', children }: Props) {
  return (
    <Modal opened={secret !== undefined} onClose={onClose} title={what} size="lg" withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}>
      {secret !== undefined && (
        <Secret secret={secret} onClose={onClose} power={power}>
          {children}
        </Secret>
      )}
    </Modal>
  );
}

function Secret({ secret, onClose, power, children }: { secret: string; onClose: () => void; power: string; children: ReactNode }) {
  const shown = useRef<HTMLElement>(null);
  const { state, copy } = useCopy();
  return (
    <Stack>
      <Alert color="yellow">Copy it now: it is not shown again, and cannot be read back from the server.</Alert>
      <Code block className="mono" data-testid="secret" style={{ whiteSpace: 'pre-wrap', userSelect: 'all' }}>
        <span ref={shown}>{secret}</span>
      </Code>
      {state === 'selected' && (
        <Alert color="yellow" role="alert">
          {BY_HAND}
        </Alert>
      )}
      {children}
      <Group justify="space-between">
        <Button onClick={() => copy(secret, shown.current)}>{state === 'copied' ? 'Copied' : 'Copy'}</Button>
        <Button variant="default" onClick={onClose}>
          I have it
        </Button>
      </Group>
      <Text size="xs" c="dimmed">
        {power}
      </Text>
    </Stack>
  );
}
