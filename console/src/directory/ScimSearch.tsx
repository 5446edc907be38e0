import { Button, Group, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';

interface Search {
  /** The filter to ask with; empty for everything. */
  filter: string;
  text: string;
  setText: (text: string) => void;
  advanced: boolean;
  toggle: () => void;
  raw: string;
  setRaw: (raw: string) => void;
  apply: () => void;
}

/** A search by some text, or by a filter of one's own, which is sent once it is finished: half of one is refused. */
export function useScimSearch(filterOf: (text: string) => string): Search {
  const [text, setText] = useState('');
  const [settled] = useDebouncedValue(text.trim(), 250);
  const [advanced, setAdvanced] = useState(false);
  const [raw, setRaw] = useState('');
  const [applied, setApplied] = useState('');
  return {
    filter: advanced ? applied : settled && filterOf(settled),
    text,
    setText,
    advanced,
    // The search so far is shown as the filter that it is, to go on from.
    toggle: () => {
      const begin = text.trim() && filterOf(text.trim());
      if (!advanced && begin) {
        setRaw(begin);
        setApplied(begin);
      }
      setAdvanced(!advanced);
    },
    raw,
    setRaw,
    apply: () => setApplied(raw.trim()),
  };
}

export function ScimSearch({ search, label, example }: { search: Search; label: string; example: string }) {
  const toggle = (
    <Button variant="subtle" onClick={search.toggle}>
      {search.advanced ? 'Simple search' : 'SCIM filter'}
    </Button>
  );
  if (!search.advanced) {
    return (
      <Group align="flex-end" gap="xs">
        <TextInput
          type="search"
          label={label}
          flex="1 1 240px"
          maw={480}
          value={search.text}
          onChange={(event) => search.setText(event.currentTarget.value)}
        />
        {toggle}
      </Group>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        search.apply();
      }}
    >
      <Group align="flex-end" gap="xs">
        <TextInput
          label="SCIM filter"
          description={`As in RFC 7644, for example ${example}`}
          flex="1 1 240px"
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          value={search.raw}
          onChange={(event) => search.setRaw(event.currentTarget.value)}
          spellCheck={false}
          autoComplete="off"
        />
        <Button type="submit" variant="default">
          Apply
        </Button>
        {toggle}
      </Group>
    </form>
  );
}
