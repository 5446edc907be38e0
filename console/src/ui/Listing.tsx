import { Center, Group, Loader, Pagination, ScrollArea, Table, Text } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';

import { Failure } from './Failure';

export interface Column<T> {
  title: string;
  cell: (item: T) => ReactNode;
  width?: number | string;
}

interface Props<T> {
  /** What the table is, for those who do not see it. */
  label: string;
  columns: Column<T>[];
  items: T[] | undefined;
  keyOf: (item: T) => string;
  /** The first load; a later one leaves what is shown. */
  loading?: boolean;
  error?: unknown;
  /** What to say where there is nothing. */
  empty: ReactNode;
  onOpen?: (item: T) => void;
  pages?: { page: number; total: number; items?: number; onPage: (page: number) => void };
}

/** A table of a list: while it loads, where it failed, where it is empty, and its pages (from 1). */
export function Listing<T>({ label, columns, items, keyOf, loading, error, empty, onOpen, pages }: Props<T>) {
  const last = Math.max(1, pages?.total ?? 1);
  const beyond = items?.length === 0 && pages !== undefined && pages.page > last;
  useEffect(() => {
    // The last thing of the last page is gone.
    if (beyond) pages.onPage(last);
  });
  if (error) return <Failure error={error} title={`${label} could not be loaded`} />;
  if (!items || beyond || (loading && items.length === 0)) {
    return (
      <Center p="xl">
        <Loader aria-label={`Loading ${label}`} />
      </Center>
    );
  }
  if (items.length === 0) {
    return (
      <Text c="dimmed" p="lg" ta="center" component="div">
        {empty}
      </Text>
    );
  }
  return (
    <>
      <ScrollArea>
        <Table striped highlightOnHover={onOpen !== undefined} verticalSpacing="xs" aria-label={label}>
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Table.Th key={column.title} w={column.width} scope="col">
                  {column.title}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((item) => (
              <Row key={keyOf(item)} item={item} columns={columns} onOpen={onOpen} />
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea>
      {pages && pages.total > 1 && (
        <Group justify="space-between">
          <Text size="sm" c="dimmed">
            {pages.items !== undefined ? `${pages.items} in all` : ''}
          </Text>
          <Pagination value={pages.page} total={pages.total} onChange={pages.onPage} getControlProps={(control) => ({ 'aria-label': `${control} page` })} />
        </Group>
      )}
    </>
  );
}

/** A row that opens by a click also does so by the keyboard. */
function Row<T>({ item, columns, onOpen }: { item: T; columns: Column<T>[]; onOpen?: ((item: T) => void) | undefined }) {
  const open = onOpen && {
    tabIndex: 0,
    className: 'clickable',
    onClick: () => onOpen(item),
    onKeyDown: (event: React.KeyboardEvent) => {
      if (event.key === 'Enter' && event.target === event.currentTarget) onOpen(item);
    },
  };
  return (
    <Table.Tr {...open}>
      {columns.map((column) => (
        <Table.Td key={column.title}>{column.cell(item)}</Table.Td>
      ))}
    </Table.Tr>
  );
}
