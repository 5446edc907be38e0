import { Alert, Button, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { Refused } from '../api';
import { Failure } from './Failure';

interface Props {
  /** Puts what is stored by now into the window. */
  reload: () => Promise<unknown>;
  onDone: () => void;
  /** What did not happen, and what loading is good for. */
  children: ReactNode;
}

interface UndoneProps extends Omit<Props, 'reload'> {
  error: Error | null;
  /** Only of what others may change at the same time. */
  reload: Props['reload'] | undefined;
}

/** Why something was not done; where somebody else was faster, with the way to go on. */
export function Undone({ error, reload, ...others }: UndoneProps) {
  const isOvertaken = error instanceof Refused && error.status === 412;
  return isOvertaken && reload ? <Overtaken reload={reload} {...others} /> : <Failure error={error} />;
}

/** Somebody else was faster: his change stands until whoever sees it decides anew. */
function Overtaken({ reload, onDone, children }: Props) {
  const loading = useMutation({ mutationFn: reload });
  return (
    <Alert color="red" variant="light" role="alert" title="Somebody else changed it meanwhile">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{children}</Text>
        <Failure error={loading.error} title="It could not be loaded" />
        <Button variant="default" size="xs" loading={loading.isPending} onClick={() => loading.mutate(undefined, { onSuccess: onDone })}>
          Load the new state
        </Button>
      </Stack>
    </Alert>
  );
}
