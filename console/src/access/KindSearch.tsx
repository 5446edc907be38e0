import { Group, Select, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';

/** What a list of managed and custom things is narrowed by, and its page. */
export function useKindSearch() {
  const [page, setPage] = useState(1);
  const [text, setText] = useState('');
  const [kind, setKind] = useState('all');
  const [searchTerm] = useDebouncedValue(text.trim(), 300);
  return { page, setPage, text, setText, kind, setKind, searchTerm };
}

export function KindSearch({ search }: { search: ReturnType<typeof useKindSearch> }) {
  return (
    <Group gap="sm" align="flex-end">
      <TextInput
        label="Search"
        placeholder="Name, identifier or tag"
        value={search.text}
        onChange={(event) => {
          search.setText(event.currentTarget.value);
          search.setPage(1);
        }}
        style={{ flexGrow: 1 }}
        maw={360}
      />
      <Select
        label="Kind"
        data={[
          { value: 'all', label: 'managed and custom' },
          { value: 'managed', label: 'managed' },
          { value: 'custom', label: 'custom' },
        ]}
        value={search.kind}
        onChange={(kind) => {
          search.setKind(kind ?? 'all');
          search.setPage(1);
        }}
        allowDeselect={false}
        w={200}
      />
    </Group>
  );
}
