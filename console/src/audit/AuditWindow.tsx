import { Modal, Stack, Table, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

import { RequestLink } from './RequestLink';
import { Facts, Id, Json, Time } from '../ui/words';

export interface AuditRow {
  auditId: string;
  resourceScope: { accountIdentifier: string; orgIdentifier?: string | null; projectIdentifier?: string | null };
  httpRequestInfo?: { requestMethod?: string | null } | null;
  requestMetadata?: { clientIP?: string | null } | null;
  timestamp: number;
  authenticationInfo: {
    principal: { type: string; identifier: string };
    labels?: { username?: string | null; userId?: string | null } | null;
  };
  resource: { type: string; identifier: string; labels?: { resourceName?: string | null } | null };
  action: string;
  auditEventData?: { change?: unknown } | null;
  internalInfo?: Record<string, unknown> | null;
}

export function nameOf({ resource }: AuditRow): string {
  return resource.labels?.resourceName ?? resource.identifier;
}

export function scopeOf({ resourceScope: { orgIdentifier, projectIdentifier } }: AuditRow): string {
  return [orgIdentifier, projectIdentifier].filter(Boolean).join(' / ') || 'account';
}

/** One change: who, by what, from where, and what it was before and after. */
export function AuditWindow({ row, onClose }: { row: AuditRow | undefined; onClose: () => void }) {
  return (
    <Modal opened={row !== undefined} onClose={onClose} title={row ? `${row.action} of ${row.resource.type}` : ''} size="xl">
      {row && (
        <Stack>
          <Facts facts={facts(row)} />
          <Title order={3} size="h5">
            Change
          </Title>
          <Change change={row.auditEventData?.change} />
        </Stack>
      )}
    </Modal>
  );
}

function facts(row: AuditRow): [string, ReactNode][] {
  const { principal, labels } = row.authenticationInfo;
  const { requestId, ...about } = row.internalInfo ?? {};
  const from = [row.httpRequestInfo?.requestMethod, row.requestMetadata?.clientIP].filter(Boolean).join(' from ');
  return [
    ['Time', <Time key="time" at={row.timestamp} />],
    ['What', nameOf(row)],
    ['Identifier', <Id key="id">{row.resource.identifier}</Id>],
    ['Scope', scopeOf(row)],
    ['Who', `${labels?.username ? `${labels.username}, ` : ''}${principal.identifier} (${principal.type})`],
    ...(from ? [['Request', from] as [string, ReactNode]] : []),
    ...(typeof requestId === 'string' ? [['Request id', <RequestLink key="request" id={requestId} />] as [string, ReactNode]] : []),
    ...Object.entries(about).flatMap(([name, value]): [string, ReactNode][] =>
      value === null ? [] : [[name, <span key={name} className="mono">{typeof value === 'string' ? value : JSON.stringify(value)}</span>]],
    ),
  ];
}

type Members = Record<string, unknown>;

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function Change({ change }: { change: unknown }) {
  if (change === undefined || change === null) {
    return (
      <Text size="sm" c="dimmed">
        The action says it all.
      </Text>
    );
  }
  if (!isMembers(change) || (!isMembers(change['old']) && !isMembers(change['new']))) return <Json value={change} />;
  const { old: before, new: after, ...rest } = change;
  return (
    <>
      <BeforeAfter before={isMembers(before) ? before : {}} after={isMembers(after) ? after : {}} />
      {Object.keys(rest).length > 0 && <Json value={rest} />}
    </>
  );
}

/** What is the same before and after is left out. */
function BeforeAfter({ before, after }: { before: Members; after: Members }) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  if (names.length === 0) return <Text size="sm">Nothing differs before and after.</Text>;
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table aria-label="Before and after" verticalSpacing={4} layout="fixed">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col" w="24%">
              Member
            </Table.Th>
            <Table.Th scope="col">Before</Table.Th>
            <Table.Th scope="col">After</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {names.map((name) => (
            <Table.Tr key={name} style={{ verticalAlign: 'top' }}>
              <Table.Td className="mono">{name}</Table.Td>
              <Table.Td className="mono" style={{ whiteSpace: 'pre-wrap' }}>
                {shown(before[name])}
              </Table.Td>
              <Table.Td className="mono" style={{ whiteSpace: 'pre-wrap' }}>
                {shown(after[name])}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}
