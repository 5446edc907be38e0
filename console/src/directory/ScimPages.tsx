import { Button, Group, Text } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';

import type { Query, ScimAnswer, ScimList } from '../api';
import { useScim } from '../ui/calls';
import { useKept } from '../ui/useKept';

interface CursorList<T> extends ScimList<T> {
  nextCursor?: string;
}

interface Step {
  cursor: string;
  /** How many there are on the pages before. */
  before: number;
}

export interface ScimPages<T> {
  answer: UseQueryResult<ScimAnswer<CursorList<T>>>;
  items: T[] | undefined;
  total: number | undefined;
  before: number;
  first: (() => void) | undefined;
  previous: (() => void) | undefined;
  next: (() => void) | undefined;
}

const BEGIN: Step[] = [{ cursor: '', before: 0 }];

/** A SCIM list page by page, by cursor (RFC 9865): the way back is the cursors that were gone by. */
export function useScimPages<T>(path: string, query: Query, { count = 25, enabled = true } = {}): ScimPages<T> {
  const key = JSON.stringify([path, query]);
  const [walk, setWalk] = useKept(`pages of ${path}`, { key, steps: BEGIN });
  // Another question begins at its first page: a cursor holds for its own one only.
  const steps = walk.key === key ? walk.steps : BEGIN;
  const { cursor, before } = steps.at(-1) ?? { cursor: '', before: 0 };
  // In a list, since the first page's cursor is empty and has to be sent.
  const answer = useScim<CursorList<T>>(path, { query: { ...query, count, cursor: [cursor] }, enabled, keep: true });
  const shown = answer.data?.resource;
  const settled = !answer.isPlaceholderData && !answer.error ? shown : undefined;
  const go = (to: Step[]) => () => setWalk({ key, steps: to });
  const following = settled?.nextCursor;
  return {
    answer,
    items: answer.isPending ? undefined : (shown?.Resources ?? []),
    total: shown?.totalResults,
    before,
    first: steps.length > 1 ? go(BEGIN) : undefined,
    previous: steps.length > 1 ? go(steps.slice(0, -1)) : undefined,
    next: following ? go([...steps, { cursor: following, before: before + (settled.Resources?.length ?? 0) }]) : undefined,
  };
}

/** Where in the list one is, and the ways on. */
export function Pager<T>({ pages, label }: { pages: ScimPages<T>; label: string }) {
  const { items, total, before, first, previous, next } = pages;
  const walking = first !== undefined || next !== undefined;
  if (!walking && !items?.length) return null;
  const range = items?.length ? `${before + 1}–${before + items.length}` : 'nothing';
  return (
    <Group justify="space-between" component="nav" aria-label={`Pages of ${label}`}>
      <Text size="sm" c="dimmed">
        {total === undefined ? '' : `${walking ? `${range} of ` : ''}${total}${walking ? '' : ' in all'}`}
      </Text>
      {walking && (
        <Group gap="xs">
          <Button size="xs" variant="default" disabled={!first} onClick={first}>
            First
          </Button>
          <Button size="xs" variant="default" disabled={!previous} onClick={previous}>
            Previous
          </Button>
          <Button size="xs" variant="default" disabled={!next} onClick={next}>
            Next
          </Button>
        </Group>
      )}
    </Group>
  );
}
