import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';

import { Undone } from './Undone';

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What will happen, and what cannot be had back. */
  children: ReactNode;
  /** The word on the button: what is done. */
  action: string;
  /** Has to be typed first, where much is lost. */
  typed?: string;
  /** Does it; a failure is shown here, and the question stays. */
  run: () => Promise<unknown>;
  /** Of what others may change at the same time: shows what is stored by now, and asks about that. */
  reload?: (() => Promise<unknown>) | undefined;
  /** Not where the question was closed, or the page left, before the answer. */
  onDone?: () => void;
}

/** A question before something that cannot be taken back. */
export function Confirm(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title}>
      {/* Anew each time it is opened: no text and no failure of the time before. */}
      {props.opened && <Question {...props} />}
    </Modal>
  );
}

function Question({ onClose, children, action, typed, run, reload, onDone }: Props) {
  const [text, setText] = useState('');
  const doing = useMutation({ mutationFn: run });
  // Said with the call: so it is not done any more once this question is gone, and does not close the next one.
  const onSuccess = () => {
    onClose();
    onDone?.();
  };
  return (
    <Stack>
      <Text size="sm" component="div">
        {children}
      </Text>
      {typed !== undefined && (
        <TextInput label={`Type “${typed}” to go on`} value={text} onChange={(event) => setText(event.currentTarget.value)} />
      )}
      <Undone error={doing.error} reload={reload} onDone={doing.reset}>
        Nothing was done. Load the new state to see that change, and decide anew.
      </Undone>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button color="red" loading={doing.isPending} disabled={typed !== undefined && text !== typed} onClick={() => doing.mutate(undefined, { onSuccess })}>
          {action}
        </Button>
      </Group>
    </Stack>
  );
}
