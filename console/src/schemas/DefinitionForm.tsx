import { Alert, SegmentedControl, Textarea } from '@mantine/core';
import { type ReactNode, useState } from 'react';

import { FormModal } from '../ui/FormModal';

interface Props<T> {
  opened: boolean;
  onClose: () => void;
  title: string;
  action: string;
  value: T;
  onChange: (value: T) => void;
  /** Sends the definition, as the form has it or as it was written. */
  submit: (value: unknown) => Promise<unknown>;
  /** What is stored of it by now. */
  reload: () => Promise<T | undefined>;
  /** The fields of the form. */
  children: ReactNode;
}

/** A definition in fields, or as the JSON that is sent. */
export function DefinitionForm<T>({ opened, value, onChange, submit, reload, children, ...window }: Props<T>) {
  const [text, setText] = useState<string>();
  const [trouble, setTrouble] = useState<string>();
  const [was, setWas] = useState(opened);
  if (opened !== was) {
    setWas(opened);
    setText(undefined);
    setTrouble(undefined);
  }
  const toForm = (written: string) => {
    const { read, fault } = parsed(written);
    setTrouble(fault);
    if (fault) return;
    onChange(read as T);
    setText(undefined);
  };
  return (
    <FormModal
      {...window}
      opened={opened}
      size="min(1120px, 96vw)"
      submit={() => {
        if (text === undefined) return submit(value);
        const { read, fault } = parsed(text);
        return fault ? Promise.reject(new Error(fault)) : submit(read);
      }}
      reload={async () => {
        const stored = await reload();
        if (!stored) return;
        onChange(stored);
        // It goes on in the way of writing it that was chosen.
        setText((was) => (was === undefined ? undefined : JSON.stringify(stored, null, 2)));
        setTrouble(undefined);
      }}
    >
      <SegmentedControl
        aria-label="How to write it"
        data={['Form', 'JSON']}
        value={text === undefined ? 'Form' : 'JSON'}
        onChange={(mode) => {
          if (mode === 'JSON') setText(JSON.stringify(value, null, 2));
          else if (text !== undefined) toForm(text);
        }}
        w={200}
      />
      {text === undefined ? (
        children
      ) : (
        <Textarea
          label="Definition"
          description="The body as it is sent; attributes as RFC 7643, section 7, has them."
          autosize
          minRows={12}
          maxRows={24}
          spellCheck={false}
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setTrouble(undefined);
          }}
        />
      )}
      {trouble && (
        <Alert color="red" role="alert" title="The form cannot show this">
          {trouble}
        </Alert>
      )}
    </FormModal>
  );
}

type Members = Record<string, unknown>;

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function areAttributes(value: unknown): boolean {
  if (value === undefined) return true;
  return Array.isArray(value) && value.every((one) => isObject(one) && areAttributes(one['subAttributes']));
}

/** Only what the form could fall over is looked at here; the rest is for the server to say. */
function parsed(text: string): { read?: unknown; fault?: string } {
  try {
    const read: unknown = JSON.parse(text);
    if (!isObject(read)) return { fault: 'A definition is an object.' };
    if (read['schema'] !== undefined && !isObject(read['schema'])) return { fault: '“schema” is an object.' };
    return [read, read['schema']].every((part) => areAttributes((part as Members | undefined)?.['attributes'])) ? { read } : { fault: '“attributes” is a list of objects.' };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}
