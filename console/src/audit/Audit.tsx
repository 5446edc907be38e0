import { Anchor, Badge, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';

import type { Page, Scope } from '../api';
import { useSession } from '../session';
import { type AuditFilter, AuditFilters, auditNarrowed, NO_AUDIT_FILTER } from './AuditFilters';
import { type AuditRow, AuditWindow, nameOf, scopeOf } from './AuditWindow';
import { usePlatformPost } from '../ui/calls';
import { type Column, Listing } from '../ui/Listing';
import { PageFrame } from '../ui/PageFrame';
import { Stamp } from '../ui/Stamp';
import { useKept } from '../ui/useKept';

const SIZE = 25;

/** The body of the list; where to look stands in it, and not in the query. */
function bodyOf({ types, actions, principal, since, until }: AuditFilter, account: string, { org, project }: Scope): Record<string, unknown> {
  const start = new Date(since).getTime();
  const end = new Date(until).getTime();
  return {
    ...(org && { scopes: [{ accountIdentifier: account, orgIdentifier: org, ...(project && { projectIdentifier: project }) }] }),
    ...(types.length > 0 && { resources: types.map((type) => ({ type })) }),
    ...(actions.length > 0 && { actions }),
    ...(principal.trim() && { principals: [{ identifier: principal.trim() }] }),
    ...(!Number.isNaN(start) && { startTime: start }),
    ...(!Number.isNaN(end) && { endTime: end }),
  };
}

export function Audit() {
  const { credential, scope } = useSession();
  const [typed, setTyped] = useKept('filters', NO_AUDIT_FILTER);
  const [filter] = useDebouncedValue(typed, 300);
  const [place, setPlace] = useKept('page', { of: '', page: 1 });
  const [row, setRow] = useState<AuditRow>();
  // Another scope, and other filters, have pages of their own.
  const of = JSON.stringify([scope, filter]);
  const page = place.of === of ? place.page : 1;
  const { data, error, isPending } = usePlatformPost<Page<AuditRow>>('/audit/api/audits/list', bodyOf(filter, credential.account, scope), {
    query: { pageIndex: page - 1, pageSize: SIZE },
    keep: true,
  });
  const columns: Column<AuditRow>[] = [
    { title: 'Time', width: 170, cell: (one) => <Stamp at={one.timestamp} /> },
    {
      title: 'Action',
      cell: (one) => (
        <Badge variant="default" tt="none" w="max-content">
          {one.action}
        </Badge>
      ),
    },
    { title: 'Kind', cell: (one) => <Text size="xs">{one.resource.type}</Text> },
    {
      title: 'What',
      cell: (one) => (
        <Anchor component="button" type="button" size="sm" ta="left" style={{ overflowWrap: 'anywhere', minWidth: 120 }} onClick={() => setRow(one)}>
          {nameOf(one)}
        </Anchor>
      ),
    },
    { title: 'Scope', cell: (one) => <Text size="sm">{scopeOf(one)}</Text> },
    {
      title: 'Who',
      cell: (one) => (
        <Text size="xs" style={{ overflowWrap: 'anywhere', minWidth: 140 }}>
          {one.authenticationInfo.principal.identifier}
        </Text>
      ),
    },
    { title: 'Address', cell: (one) => <Text size="sm">{one.requestMetadata?.clientIP ?? '–'}</Text> },
  ];
  return (
    <PageFrame
      title="Audit trail"
      about={scope.org ? 'The changes that were made in the chosen scope, newest first.' : 'The changes that were made in the account and below it, newest first.'}
    >
      <AuditFilters value={typed} onChange={setTyped} />
      <Listing
        label="Audit trail"
        columns={columns}
        items={data?.content}
        keyOf={(one) => one.auditId}
        loading={isPending}
        error={error}
        empty={auditNarrowed(filter) ? 'No change fits these filters.' : 'Nothing was changed here.'}
        pages={data && { page, total: data.totalPages, items: data.totalItems, onPage: (to) => setPlace({ of, page: to }) }}
      />
      <AuditWindow row={row} onClose={() => setRow(undefined)} />
    </PageFrame>
  );
}
