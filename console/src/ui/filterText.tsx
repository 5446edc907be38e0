import { TextInput } from '@mantine/core';
import type { ReactNode } from 'react';

/** The members of a filter that are texts. */
type Texts<F> = { [K in keyof F]-?: F[K] extends string ? K : never }[keyof F];

/** A field for each text of a filter, as it was typed. */
export function filterText<F>(
  filter: F,
  onChange: (filter: F) => void,
): (name: Texts<F>, label: string, placeholder?: string, type?: string) => ReactNode {
  return (name, label, placeholder = '', type = 'text') => (
    <TextInput
      size="xs"
      type={type}
      label={label}
      placeholder={placeholder}
      value={filter[name] as string}
      onChange={(event) => onChange({ ...filter, [name]: event.currentTarget.value })}
    />
  );
}
