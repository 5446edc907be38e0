import { Text } from '@mantine/core';
import { useState } from 'react';

import type { Page } from '../api';
import { useSession } from '../session';
import { usePlatformPost } from '../ui/calls';
import { type Column, Listing } from '../ui/Listing';
import { Section } from '../ui/Section';
import { YesNo } from '../ui/words';

interface Named {
  identifier: string;
  name: string;
}

interface Assignment {
  identifier: string;
  disabled: boolean;
  role?: Named | null;
  resourceGroup?: Named | null;
  scope: { orgIdentifier?: string | null; orgName?: string | null; projectIdentifier?: string | null; projectName?: string | null };
}

const SIZE = 10;

const COLUMNS: Column<Assignment>[] = [
  { title: 'Role', cell: ({ role }) => <NameAndId named={role} /> },
  { title: 'Resource group', cell: ({ resourceGroup }) => <NameAndId named={resourceGroup} /> },
  {
    title: 'Scope',
    cell: ({ scope }) =>
      scope.orgIdentifier
        ? [scope.orgName ?? scope.orgIdentifier, scope.projectIdentifier && (scope.projectName ?? scope.projectIdentifier)].filter(Boolean).join(' / ')
        : 'Account',
  },
  { title: 'Status', cell: ({ disabled }) => <YesNo yes={!disabled} on="enabled" off="disabled" />, width: 110 },
];

function NameAndId({ named }: { named: Named | null | undefined }) {
  if (!named) return '–';
  return (
    <>
      {named.name}
      <Text size="xs" c="dimmed" className="mono">
        {named.identifier}
      </Text>
    </>
  );
}

/** The roles that a user was given himself, in the scope chosen in the header and below it. */
export function UserAssignments({ id }: { id: string }) {
  const { credential, scope } = useSession();
  const [page, setPage] = useState(1);
  const here = {
    accountIdentifier: credential.account,
    orgIdentifier: scope.org,
    projectIdentifier: scope.project,
    filter: 'INCLUDING_CHILD_SCOPES',
  };
  const { data, error, isPending } = usePlatformPost<Page<Assignment>>(
    '/authz/api/roleassignments/v2/filter',
    { principalFilter: { identifier: id, type: 'USER' }, scopeFilters: [here] },
    { query: { pageIndex: page - 1, pageSize: SIZE }, scope, keep: true },
  );
  return (
    <Section title="Role assignments" about="Given to the user directly, in the scope chosen above and below it. Those of the groups come on top.">
      <Listing
        label="Role assignments"
        columns={COLUMNS}
        items={data?.content}
        keyOf={(one) => one.identifier}
        loading={isPending}
        error={error}
        empty="None is given directly."
        {...(data && { pages: { page, total: data.totalPages, items: data.totalItems, onPage: setPage } })}
      />
    </Section>
  );
}
