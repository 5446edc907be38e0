import { type ComboboxItem, type ComboboxLikeRenderOptionInput, MultiSelect, Select, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { useSession } from '../session';
import type { Choice, Source } from './access';

function useChoices(source: Source, text: string) {
  const { credential } = useSession();
  const [search] = useDebouncedValue(text.trim(), 250);
  const asked = useQuery({
    queryKey: [source.path, 'choices', source.kind, source.scope, search],
    queryFn: ({ signal }) => source.ask(credential, search, signal),
    placeholderData: keepPreviousData,
  });
  return { choices: asked.data ?? [], error: asked.error, waiting: asked.isFetching || search !== text.trim() };
}

/** The server has searched already. */
const asItIs = ({ options }: { options: unknown[] }) => options as never;

/** Each with the line that tells it from others of its name. */
function shown(choices: Choice[]) {
  return function Shown({ option }: ComboboxLikeRenderOptionInput<ComboboxItem>) {
    const about = choices.find((choice) => choice.value === option.value)?.about;
    return (
      <div>
        {option.label}
        {about && (
          <Text size="xs" className="mono" c="dimmed">
            {about}
          </Text>
        )}
      </div>
    );
  };
}

interface Field {
  label: string;
  description?: string;
  placeholder?: string;
  source: Source;
  required?: boolean;
  disabled?: boolean;
}

interface One extends Field {
  value: Choice | null;
  onChange: (choice: Choice | null) => void;
  clearable?: boolean;
}

/** One thing out of a list that the server searches. */
export function RemoteSelect({ source, value, onChange, placeholder, ...field }: One) {
  const [text, setText] = useState('');
  // The chosen one's name stands in the field, and is nothing to search for.
  const { choices, error, waiting } = useChoices(source, text === value?.label ? '' : text);
  const data = value && !choices.some((choice) => choice.value === value.value) ? [value, ...choices] : choices;
  return (
    <Select
      {...field}
      placeholder={placeholder ?? 'Search'}
      data={data.map((choice) => ({ value: choice.value, label: choice.label }))}
      value={value?.value ?? null}
      onChange={(chosen) => onChange(data.find((choice) => choice.value === chosen) ?? null)}
      searchable
      searchValue={text}
      onSearchChange={setText}
      filter={asItIs}
      renderOption={shown(data)}
      nothingFoundMessage={waiting ? 'Searching…' : 'Nothing found'}
      error={error?.message}
    />
  );
}

interface Several extends Field {
  value: Choice[];
  onChange: (choices: Choice[]) => void;
  max?: number;
}

/** Several of them. */
export function RemoteMulti({ source, value, onChange, placeholder, max, ...field }: Several) {
  const [text, setText] = useState('');
  const { choices, error, waiting } = useChoices(source, text);
  const others = value.filter((one) => !choices.some((choice) => choice.value === one.value));
  const data = [...others, ...choices];
  return (
    <MultiSelect
      {...field}
      {...(max !== undefined && { maxValues: max })}
      placeholder={value.length === 0 ? (placeholder ?? 'Search') : ''}
      data={data.map((choice) => ({ value: choice.value, label: choice.label }))}
      value={value.map((one) => one.value)}
      onChange={(chosen) => onChange(chosen.flatMap((id) => data.find((choice) => choice.value === id) ?? []))}
      searchable
      hidePickedOptions
      searchValue={text}
      onSearchChange={setText}
      filter={asItIs}
      renderOption={shown(data)}
      nothingFoundMessage={waiting ? 'Searching…' : 'Nothing found'}
      error={error?.message}
    />
  );
}
