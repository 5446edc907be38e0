import { Alert, Anchor, Badge, Button, Group, Loader, SimpleGrid, Table, Text, TextInput } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useRef } from 'react';
import { Link } from 'wouter';

import { type Page, type ScimAnswer, scimBase, type ScimList } from '../api';
import { useSession } from '../session';
import { beginWith } from '../directory/ScimSearch';
import { usePlatform, useScim } from '../ui/calls';
import { Failure } from '../ui/Failure';
import { type Column, Listing } from '../ui/Listing';
import { type Entry, Outcome, shortPath, Wrong } from '../log/logEntry';
import { NextSteps } from './NextSteps';
import { PageFrame } from '../ui/PageFrame';
import { Section } from '../ui/Section';
import { BY_HAND, useCopy } from '../ui/useCopy';
import { Facts, Id, Time, YesNo } from '../ui/words';

const WEEK = 7 * 24 * 60 * 60 * 1000;

export function Overview() {
  const { whoami, credential, can } = useSession();
  const account = usePlatform<{ name: string; createdAt: number }>(`/ng/api/accounts/${encodeURIComponent(credential.account)}`, {
    enabled: can('core_account_view'),
  });
  const base = scimBase(credential);
  const name = account.data?.name ?? credential.account;
  return (
    <PageFrame title="Overview" about={name === credential.account ? `Account ${name}` : `Account ${name} (${credential.account})`}>
      <TokenEnd />
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Section title="This account">
          <BaseUrl url={base} />
          <Facts
            facts={[
              ['Identifier', <Id key="id">{credential.account}</Id>],
              ...(account.data ? [['Created', <Time key="created" at={account.data.createdAt} />] as [string, ReactNode]] : []),
              ['You are', whoami.principal.email ?? whoami.principal.identifier],
              ['Your token', <TokenFact key="token" />],
            ]}
          />
        </Section>
        <Counts />
      </SimpleGrid>
      <Beginning />
      {can('core_audit_view') && <Failures />}
      {can('core_setting_view') && <Trusts />}
    </PageFrame>
  );
}

/** What an identity provider asks for as tenant URL, SCIM connector base URL and the like. */
function BaseUrl({ url }: { url: string }) {
  const field = useRef<HTMLInputElement>(null);
  const { state, copy } = useCopy();
  return (
    <Group gap="xs" align="flex-end" wrap="nowrap">
      <TextInput
        ref={field}
        label="SCIM base URL"
        description={state === 'selected' ? <span role="alert">{BY_HAND}</span> : 'To be entered at the identity provider.'}
        value={url}
        readOnly
        flex={1}
        onFocus={(event) => event.currentTarget.select()}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      />
      <Button variant="default" onClick={() => copy(url, field.current)} aria-label={state === 'copied' ? 'Copied the SCIM base URL' : 'Copy the SCIM base URL'}>
        {state === 'copied' ? 'Copied' : 'Copy'}
      </Button>
    </Group>
  );
}

function TokenFact() {
  const { type, expiresAt } = useSession().whoami.credential;
  return (
    <>
      {type}, {expiresAt ? <>ends <Time at={expiresAt} /></> : 'without end'}
    </>
  );
}

function TokenEnd() {
  const { type, expiresAt } = useSession().whoami.credential;
  if (!expiresAt || expiresAt - Date.now() > WEEK) return null;
  return (
    <Alert color="yellow" title="The token that you signed in with ends soon">
      <Text size="sm" component="div">
        It ends <Time at={expiresAt} />.{' '}
        {type === 'PAT' && (
          <>
            Make another one in time: <Anchor component={Link} href="/tokens" size="sm" underline="always" c="inherit">your tokens</Anchor>.
          </>
        )}
      </Text>
    </Alert>
  );
}

type Count = UseQueryResult<ScimAnswer<ScimList<unknown>>>;

/** How many there are, and nothing of them. */
function useCount(path: string, enabled: boolean, filter?: string): Count {
  return useScim<ScimList<unknown>>(path, { query: { filter, count: 0 }, enabled });
}

function Counts() {
  const { can } = useSession();
  const users = can('core_user_view');
  const groups = can('core_usergroup_view');
  const active = useCount('/Users', users, 'active eq true');
  const inactive = useCount('/Users', users, 'active eq false');
  const all = useCount('/Groups', groups);
  const error = active.error ?? inactive.error ?? all.error;
  return (
    <Section title="Users and groups">
      {error && <Failure error={error} title="Not everything could be counted" />}
      {!users && !groups && <Text size="sm">You may see neither users nor groups.</Text>}
      <SimpleGrid cols={3}>
        {users && <Number count={active} label="active users" to="/users" filter="active eq true" />}
        {users && <Number count={inactive} label="inactive users" to="/users" filter="active eq false" />}
        {groups && <Number count={all} label="groups" to="/groups" />}
      </SimpleGrid>
    </Section>
  );
}

function Number({ count, label, to, filter }: { count: Count; label: string; to: string; filter?: string }) {
  return (
    <div>
      <Text size="xl" fw={700}>
        {count.data ? count.data.resource.totalResults : count.error ? '–' : <Loader size="xs" aria-label={`Counting ${label}`} />}
      </Text>
      <Anchor size="sm" renderRoot={(props) => <Link {...props} href={to} state={filter && beginWith(filter)} />}>
        {label}
      </Anchor>
    </div>
  );
}

/** Shown until somebody can provision and somebody was provisioned. */
function Beginning() {
  const { can } = useSession();
  const permitted = can('core_serviceaccount_view') && can('core_setting_view') && can('core_user_view');
  const query = { pageSize: 1 };
  const accounts = usePlatform<Page<unknown>>('/ng/api/serviceaccount/aggregate', { query, enabled: permitted });
  const trusts = usePlatform<Page<unknown>>('/ng/api/jwt-trusts', { query, enabled: permitted });
  const users = useCount('/Users', permitted);
  if (!accounts.data || !trusts.data || !users.data) return null;
  const credential = accounts.data.totalItems + trusts.data.totalItems > 0;
  const provisioned = users.data.resource.totalResults > 1;
  return credential && provisioned ? null : <NextSteps credential={credential} provisioned={provisioned} />;
}

const FAILURES: Column<Entry>[] = [
  {
    title: 'Time',
    width: 230,
    cell: (entry) => (
      <Anchor component={Link} href={`/log/${encodeURIComponent(entry.id)}`} size="sm">
        <Time at={entry.timestamp} />
      </Anchor>
    ),
  },
  { title: 'Status', width: 90, cell: (entry) => <Outcome entry={entry} /> },
  { title: 'Client', width: 100, cell: (entry) => entry.client?.name ?? '–' },
  {
    title: 'Request',
    cell: ({ method, path }) => (
      <span className="mono">
        {method} {shortPath(path)}
      </span>
    ),
  },
  {
    title: 'Why',
    cell: (entry) => (
      <>
        <Wrong entry={entry} />
        <Text size="xs" c="dimmed" lineClamp={2}>
          {entry.hint}
        </Text>
      </>
    ),
  },
];

function Failures() {
  const { data, error, isPending } = usePlatform<{ entries: Entry[] }>('/ng/api/provisioning-log', { query: { failuresOnly: true, limit: 5 } });
  return (
    <Section
      title="Last refused SCIM requests"
      actions={
        <Anchor component={Link} href="/log" size="sm">
          Provisioning log
        </Anchor>
      }
    >
      <Listing
        label="Refused requests"
        columns={FAILURES}
        items={data?.entries}
        keyOf={(entry) => entry.id}
        loading={isPending}
        error={error}
        empty="None is on record."
      />
    </Section>
  );
}

interface Trust {
  jwtTrust: { identifier: string; name: string; enabled: boolean; issuer?: string | null };
  warnings?: unknown[] | null;
}

function Trusts() {
  const { data, error, isPending } = usePlatform<Page<Trust>>('/ng/api/jwt-trusts', { query: { pageSize: 10, sortOrders: 'name,ASC' } });
  if (isPending || (data && data.content.length === 0)) return null;
  return (
    <Section
      title="JWT trusts"
      actions={
        <Anchor component={Link} href="/trusts" size="sm">
          {data && data.totalItems > data.content.length ? `All ${data.totalItems}` : 'All trusts'}
        </Anchor>
      }
    >
      <Failure error={error} title="The trusts could not be loaded" />
      {data && (
        <Table aria-label="JWT trusts" verticalSpacing={6}>
          <Table.Tbody>
            {data.content.map(({ jwtTrust, warnings }) => (
              <Table.Tr key={jwtTrust.identifier}>
                <Table.Th scope="row" fw={400}>
                  <Anchor component={Link} href={`/trusts/${encodeURIComponent(jwtTrust.identifier)}`} size="sm">
                    {jwtTrust.name}
                  </Anchor>
                </Table.Th>
                <Table.Td className="mono">{jwtTrust.issuer ?? 'any issuer'}</Table.Td>
                <Table.Td w={120}>
                  <YesNo yes={jwtTrust.enabled} on="enabled" off="disabled" />
                </Table.Td>
                <Table.Td w={120}>{warnings?.length ? <Badge variant="default" tt="none">{warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`}</Badge> : null}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Section>
  );
}
