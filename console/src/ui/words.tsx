/** Small things that many pages show alike. */
import { Badge, Code, Group, Text, Tooltip, UnstyledButton } from '@mantine/core';
import type { ReactNode } from 'react';

import { BY_HAND, useCopy } from './useCopy';

const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** A moment, in the reader's time zone; in UTC when pointed at. Milliseconds since 1970, or RFC 3339. */
export function Time({ at, none = 'never' }: { at: number | string | null | undefined; none?: string }) {
  if (at === null || at === undefined || at === '') {
    return (
      <Text span size="sm" c="dimmed">
        {none}
      </Text>
    );
  }
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <>{at}</>;
  return (
    <Tooltip label={date.toISOString()}>
      <time dateTime={date.toISOString()}>{format.format(date)}</time>
    </Tooltip>
  );
}

/** An identifier that can be copied. */
export function Id({ children }: { children: string }) {
  const { state, copy } = useCopy();
  return (
    <Tooltip label={state === 'copied' ? 'Copied' : state === 'selected' ? BY_HAND : 'Copy'} {...(state === 'selected' && { opened: true })}>
      <UnstyledButton
        className="mono"
        style={{ userSelect: 'text' }}
        aria-label={`Copy ${children}`}
        onClick={(event) => {
          event.stopPropagation();
          copy(children, event.currentTarget);
        }}
      >
        {children}
      </UnstyledButton>
    </Tooltip>
  );
}

/** A value as JSON, to be read. */
export function Json({ value, label = 'JSON' }: { value: unknown; label?: string }) {
  return (
    <Code block className="mono" mah={480} style={{ overflow: 'auto' }} tabIndex={0} role="region" aria-label={label}>
      {typeof value === 'string' ? value : JSON.stringify(value, null, 2)}
    </Code>
  );
}

/** Names beside their values. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl style={{ display: 'grid', gridTemplateColumns: 'max-content 1fr', gap: '6px 20px', margin: 0 }}>
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <Text component="dt" size="sm" c="dimmed">
            {name}
          </Text>
          <Text component="dd" size="sm" m={0} style={{ overflowWrap: 'anywhere' }}>
            {value}
          </Text>
        </div>
      ))}
    </dl>
  );
}

// White on the theme's own shades is just below 4.5 : 1.
export const GREEN = '#237032';
export const ORANGE = '#b93c0c';

/** The status of an answer, by its kind. */
export function Status({ status }: { status: number }) {
  const color = status >= 500 ? 'red.9' : status >= 400 ? ORANGE : status >= 200 && status < 300 ? GREEN : 'gray.8';
  return (
    <Badge color={color} variant="filled">
      {status}
    </Badge>
  );
}

export function YesNo({ yes, on = 'active', off = 'inactive' }: { yes: boolean; on?: string; off?: string }) {
  return (
    <Badge color={yes ? GREEN : 'gray.8'} variant="filled">
      {yes ? on : off}
    </Badge>
  );
}

export function Tags({ words }: { words: string[] }) {
  return (
    <Group gap={4}>
      {words.map((word) => (
        <Badge key={word} variant="default" tt="none">
          {word}
        </Badge>
      ))}
    </Group>
  );
}
