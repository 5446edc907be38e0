import { Button, Group, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';

import { useKept } from '../ui/useKept';

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

interface Kept {
  text: string;
  advanced: boolean;
  raw: string;
  applied: string;
}

/** What a link to a list carries, to begin with this filter. */
export function beginWith(filter: string): { search: Kept } {
  return { search: { text: '', advanced: true, raw: filter, applied: filter } };
}

/** A search by some text, or by a filter of one's own, which is sent once it is finished: half of one is refused. */
export function useScimSearch(filterOf: (text: string) => string): Search {
  const [{ text, advanced, raw, applied }, set] = useKept<Kept>('search', { text: '', advanced: false, raw: '', applied: '' });
  const put = (what: Partial<Kept>) => set((was) => ({ ...was, ...what }));
  const [settled] = useDebouncedValue(text.trim(), 250);
  return {
    filter: advanced ? applied : settled && filterOf(settled),
    text,
    setText: (text) => put({ text }),
    advanced,
    // The search so far is shown as the filter that it is, to go on from.
    toggle: () => {
      const begin = text.trim() && filterOf(text.trim());
      put({ advanced: !advanced, ...(!advanced && begin && { raw: begin, applied: begin }) });
    },
    raw,
    setRaw: (raw) => put({ raw }),
    apply: () => put({ applied: raw.trim() }),
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
