import { Autocomplete, Button, Group, NativeSelect, SimpleGrid, Stack, Switch } from '@mantine/core';
import { useState } from 'react';

import type { Query } from '../api';
import { filterText } from '../ui/filterText';

/** What was typed, as it stands in the fields: what is wrong in it the server says. */
export interface LogFilter {
  failuresOnly: boolean;
  path: string;
  status: string;
  method: string;
  requestId: string;
  client: string;
  principal: string;
  resourceId: string;
  since: string;
  until: string;
  dryRun: string;
  consoleReads: string;
}

export const NO_FILTER: LogFilter = {
  failuresOnly: false,
  path: '',
  status: '',
  method: '',
  requestId: '',
  client: '',
  principal: '',
  resourceId: '',
  since: '',
  until: '',
  dryRun: '',
  // To look at a user here makes entries, too, and nobody looks for them.
  consoleReads: 'false',
};

const REAR = ['client', 'principal', 'resourceId', 'dryRun', 'consoleReads', 'since', 'until'] as const;
const CLIENTS = ['Okta', 'Entra', 'OneLogin', 'JumpCloud', 'Google', 'authentik', 'Rauthy', 'curl', 'Muster console'];

/** A field of date and time says it in the reader's zone, without a zone. */
function instant(local: string): number | undefined {
  const at = new Date(local).getTime();
  return Number.isNaN(at) ? undefined : at;
}

export function queryOf(filter: LogFilter): Query {
  const { failuresOnly, since, until, ...texts } = filter;
  const said = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text.trim() || undefined]));
  return { ...said, failuresOnly: failuresOnly || undefined, since: instant(since), until: instant(until) };
}

export function narrowed(filter: LogFilter): boolean {
  return Object.keys(NO_FILTER).some((name) => differs(filter, name as keyof LogFilter));
}

function differs(filter: LogFilter, name: keyof LogFilter): boolean {
  return filter[name] !== NO_FILTER[name];
}

export function LogFilters({ value, onChange }: { value: LogFilter; onChange: (filter: LogFilter) => void }) {
  const hidden = REAR.filter((name) => differs(value, name)).length;
  const [more, setMore] = useState(hidden > 0);
  const text = filterText(value, onChange);
  return (
    <Stack gap="xs" component="section" aria-label="Filters">
      <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="xs" verticalSpacing="xs">
        {text('path', 'Path or query contains', '/Users')}
        {text('status', 'Answer', '409 or 4xx')}
        <NativeSelect
          size="xs"
          label="Method"
          data={[{ value: '', label: 'Any' }, 'GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'other']}
          value={value.method}
          onChange={(event) => onChange({ ...value, method: event.currentTarget.value })}
        />
        {text('requestId', 'Request id')}
      </SimpleGrid>
      {more && (
        <SimpleGrid cols={{ base: 2, sm: 4 }} spacing="xs" verticalSpacing="xs">
          <Autocomplete size="xs" label="Client" placeholder="Okta" data={CLIENTS} value={value.client} onChange={(client) => onChange({ ...value, client })} />
          {text('principal', 'Principal', 'id or e-mail')}
          {text('resourceId', 'Resource id')}
          <NativeSelect
            size="xs"
            label="Dry runs"
            data={[
              { value: '', label: 'Shown' },
              { value: 'true', label: 'Only these' },
              { value: 'false', label: 'Left out' },
            ]}
            value={value.dryRun}
            onChange={(event) => onChange({ ...value, dryRun: event.currentTarget.value })}
          />
          <NativeSelect
            size="xs"
            label="What this console reads"
            data={[
              { value: '', label: 'Shown' },
              { value: 'true', label: 'Only this' },
              { value: 'false', label: 'Left out' },
            ]}
            value={value.consoleReads}
            onChange={(event) => onChange({ ...value, consoleReads: event.currentTarget.value })}
          />
          {text('since', 'Since', '', 'datetime-local')}
          {text('until', 'Until', '', 'datetime-local')}
        </SimpleGrid>
      )}
      <Group gap="md">
        <Switch
          size="sm"
          label="Failures only"
          checked={value.failuresOnly}
          onChange={(event) => onChange({ ...value, failuresOnly: event.currentTarget.checked })}
        />
        <Button variant="subtle" size="compact-xs" aria-expanded={more} onClick={() => setMore(!more)}>
          {more ? 'Fewer filters' : hidden > 0 ? `More filters (${hidden} set)` : 'More filters'}
        </Button>
        {narrowed(value) && (
          <Button variant="subtle" size="compact-xs" onClick={() => onChange(NO_FILTER)}>
            Clear filters
          </Button>
        )}
      </Group>
    </Stack>
  );
}
