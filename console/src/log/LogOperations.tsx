import { Text } from '@mantine/core';

import { type Column, Listing } from '../ui/Listing';
import type { Message } from './LogBodies';
import { Section } from '../ui/Section';
import { Status } from '../ui/words';

interface Asked {
  method?: string;
  path?: string;
  bulkId?: string;
}

interface Answered {
  method?: string;
  bulkId?: string;
  location?: string;
  status?: string | number;
  response?: { detail?: string; scimType?: string };
}

interface Operation {
  place: number;
  what: string;
  answered: Answered;
}

function list<T>(body: unknown): T[] {
  const operations = (body as { Operations?: unknown } | null | undefined)?.Operations;
  return Array.isArray(operations) ? (operations as T[]) : [];
}

/** What a bulk request asked for, beside what became of each part; nothing where the bodies were not kept. */
export function operationsOf(request: Message, response: Message): Operation[] {
  const asked = list<Asked>(request.body);
  return list<Answered>(response.body).map((answered, index) => {
    const one = asked.find(({ bulkId }) => bulkId !== undefined && bulkId === answered.bulkId) ?? asked[index];
    const id = answered.bulkId ? ` (bulkId ${answered.bulkId})` : '';
    return { place: index + 1, what: `${answered.method ?? one?.method ?? ''} ${one?.path ?? ''}${id}`.trim(), answered };
  });
}

const COLUMNS: Column<Operation>[] = [
  { title: 'No.', width: 60, cell: ({ place }) => place },
  { title: 'Operation', cell: ({ what }) => <span className="mono">{what}</span> },
  { title: 'Answer', width: 90, cell: ({ answered }) => <Status status={Number(answered.status)} /> },
  {
    title: 'Why',
    cell: ({ answered }) => (
      <Text size="sm">
        {answered.response?.scimType && <b>{answered.response.scimType}: </b>}
        {answered.response?.detail ?? '–'}
      </Text>
    ),
  },
];

export function LogOperations({ operations }: { operations: Operation[] }) {
  const failed = operations.filter(({ answered }) => Number(answered.status) >= 400);
  if (failed.length === 0) return null;
  return (
    <Section title="Operations that failed">
      <Listing label="Operations that failed" columns={COLUMNS} items={failed} keyOf={({ place }) => String(place)} empty="" />
    </Section>
  );
}
