import { Button, Group, Modal, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';

import { Undone } from './Undone';

interface Props<T> {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** The word on the button: what is done. */
  action: string;
  children: ReactNode;
  /** Sends it; a refusal is shown below the fields, which keep what was typed. */
  submit: () => Promise<T>;
  /** Of what others may change at the same time: puts what is stored by now into the fields. */
  reload?: (() => Promise<unknown>) | undefined;
  /** Not where the form was closed, or the page left, before the answer. */
  onDone?: (made: T) => void;
  size?: string;
  disabled?: boolean;
}

/** A form in a window of its own. Its fields belong to the caller, who makes them anew each time it is opened. */
export function FormModal<T>(props: Props<T>) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title} size={props.size ?? 'md'} closeOnClickOutside={false}>
      {props.opened && <Fields {...props} />}
    </Modal>
  );
}

function Fields<T>({ onClose, action, children, submit, reload, onDone, disabled }: Props<T>) {
  const sending = useMutation({ mutationFn: submit });
  // Said with the call: so it is not done any more once this form is gone, and does not close the next one.
  const onSuccess = (made: T) => {
    onClose();
    onDone?.(made);
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!sending.isPending) sending.mutate(undefined, { onSuccess });
      }}
    >
      <Stack>
        {children}
        <Undone error={sending.error} reload={reload} onDone={sending.reset}>
          Nothing was saved, and what you typed is still here. Load the new state to see that change and to make yours on top of it; it
          takes the place of what you typed, so copy first what you want to keep.
        </Undone>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={sending.isPending} disabled={disabled ?? false}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
