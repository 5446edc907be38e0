import { Button, Group, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';

import type { Page, Query } from '../api';
import { type Column, Listing } from '../ui/Listing';
import type { Place } from './PlaceForm';
import { Id, Tags, Time } from '../ui/words';

const SIZE = 20;

/** The page and the search of a list of places, which the server does. */
export function usePlaceSearch() {
  const [text, setText] = useState('');
  const [page, setPage] = useState(1);
  const [searchTerm] = useDebouncedValue(text.trim(), 250);
  const query: Query = { pageIndex: page - 1, pageSize: SIZE, searchTerm, sortOrders: 'name,ASC' };
  return {
    query,
    text,
    page,
    setPage,
    setText: (next: string) => {
      setText(next);
      setPage(1);
    },
  };
}

export interface PlaceItem {
  place: Place;
  lastModifiedAt: number;
}

interface Props<T extends PlaceItem> {
  /** In the plural: organizations, projects. */
  label: string;
  search: ReturnType<typeof usePlaceSearch>;
  list: { data: Page<T> | undefined; error: unknown; isPending: boolean };
  empty: string;
  actions: (item: T) => { word: string; danger?: boolean; pressed?: boolean; run: () => void }[];
}

export function PlaceList<T extends PlaceItem>({ label, search, list, empty, actions }: Props<T>) {
  const columns: Column<T>[] = [
    { title: 'Name', cell: ({ place }) => place.name },
    { title: 'Identifier', cell: ({ place }) => <Id>{place.identifier}</Id> },
    { title: 'Description', cell: ({ place }) => place.description ?? '' },
    { title: 'Tags', cell: ({ place }) => <Tags words={Object.entries(place.tags ?? {}).map(([name, value]) => (value ? `${name}=${value}` : name))} /> },
    { title: 'Last modified', cell: ({ lastModifiedAt }) => <Time at={lastModifiedAt} />, width: 230 },
    {
      title: 'Actions',
      cell: (item) => (
        <Group gap={4} wrap="nowrap">
          {actions(item).map(({ word, danger, pressed, run }) => (
            <Button
              key={word}
              size="compact-sm"
              variant={pressed ? 'light' : 'subtle'}
              {...(danger && { color: 'red' })}
              {...(pressed !== undefined && { 'aria-pressed': pressed })}
              aria-label={`${word} ${item.place.identifier}`}
              onClick={run}
            >
              {word}
            </Button>
          ))}
        </Group>
      ),
    },
  ];
  return (
    <>
      <TextInput
        type="search"
        label={`Search ${label}`}
        maw={480}
        value={search.text}
        onChange={(event) => search.setText(event.currentTarget.value)}
      />
      <Listing
        label={label.replace(/^./, (letter) => letter.toUpperCase())}
        columns={columns}
        items={list.data?.content}
        keyOf={({ place }) => place.identifier}
        loading={list.isPending}
        error={list.error}
        empty={search.text ? 'Nothing matches.' : empty}
        {...(list.data && {
          pages: { page: search.page, total: list.data.totalPages, items: list.data.totalItems, onPage: search.setPage },
        })}
      />
    </>
  );
}
