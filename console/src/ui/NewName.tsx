import { TextInput } from '@mantine/core';

import { identifierFrom } from './identifier';

interface Props {
  value: { name: string; identifier: string };
  onChange: (value: { name: string; identifier: string }) => void;
  /** There already: its identifier never changes. */
  fixed?: boolean;
}

/** A name, and the identifier that is made from it unless one is typed. */
export function NewName({ value, onChange, fixed = false }: Props) {
  return (
    <>
      <TextInput
        label="Name"
        value={value.name}
        onChange={(event) => onChange({ ...value, name: event.currentTarget.value })}
        maxLength={128}
        data-autofocus
        required
      />
      <TextInput
        label="Identifier"
        description={fixed ? 'It never changes.' : 'Letters, digits, “_” and “$”; it never changes. Without one it is made from the name.'}
        placeholder={identifierFrom(value.name)}
        value={value.identifier}
        onChange={(event) => onChange({ ...value, identifier: event.currentTarget.value })}
        disabled={fixed}
        classNames={{ input: 'mono' }}
      />
    </>
  );
}

export function chosenIdentifier({ name, identifier }: { name: string; identifier: string }): string {
  return identifier.trim() || identifierFrom(name);
}
