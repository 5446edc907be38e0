import { Alert, Button, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';

import { Failure } from './Failure';

interface Props {
  /** Puts what is stored by now into the form. */
  reload: () => Promise<unknown>;
  onDone: () => void;
}

/** Somebody else was faster: his change stands, and what was typed stays until its writer gives it up. */
export function Overtaken({ reload, onDone }: Props) {
  const loading = useMutation({ mutationFn: reload });
  return (
    <Alert color="red" variant="light" role="alert" title="Somebody else changed it meanwhile">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          Nothing was saved, and what you typed is still here. Load the new state to see that change and to make yours on top of it; it
          takes the place of what you typed, so copy first what you want to keep.
        </Text>
        <Failure error={loading.error} title="It could not be loaded" />
        <Button variant="default" size="xs" loading={loading.isPending} onClick={() => loading.mutate(undefined, { onSuccess: onDone })}>
          Load the new state
        </Button>
      </Stack>
    </Alert>
  );
}
