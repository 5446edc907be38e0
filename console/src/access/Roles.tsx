import { Anchor, Button } from '@mantine/core';
import { useState } from 'react';

import { type Page, platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Failure } from '../ui/Failure';
import { KindSearch, useKindSearch } from './KindSearch';
import { type Column, Listing } from '../ui/Listing';
import { NameAndId } from '../ui/NameAndId';
import { PageFrame } from '../ui/PageFrame';
import { RoleForm } from './RoleForm';
import { RoleWindow } from './RoleWindow';
import { assignedTo, type RoleRow } from './roles';
import { type Editing, useEditing } from '../ui/useEditing';
import { YesNo } from '../ui/words';

const SIZE = 25;
const BASE = '/authz/api/roles';

function pathOf({ role }: RoleRow): string {
  return `${BASE}/${encodeURIComponent(role.identifier)}`;
}

/** Sets of permissions: those that come with the server, and those of the scope. */
export function Roles() {
  const { scope } = useSession();
  return <InScope key={JSON.stringify(scope)} />;
}

/** What the window of a role leads to, one at a time. */
type Doing = { what: 'show' | 'copy'; row: RoleRow } | { what: 'create'; row?: undefined };

function InScope() {
  const { scope, can } = useSession();
  const [doing, setDoing] = useState<Doing>();
  const editing = useEditing<RoleRow>();
  const deleting = useEditing<RoleRow>();
  const search = useKindSearch();
  const query = {
    searchTerm: search.searchTerm,
    harnessManaged: search.kind === 'all' ? undefined : search.kind === 'managed',
    pageIndex: search.page - 1,
    pageSize: SIZE,
    sortOrders: 'name,ASC',
  };
  const { data, error, isPending } = usePlatform<Page<RoleRow>>(BASE, { query, scope, keep: true });
  const columns: Column<RoleRow>[] = [
    {
      title: 'Role',
      cell: (row) => (
        <Anchor component="button" type="button" ta="left" size="sm" onClick={() => setDoing({ what: 'show', row })}>
          <NameAndId name={row.role.name} id={row.role.identifier} />
        </Anchor>
      ),
    },
    { title: 'Kind', cell: ({ harnessManaged }) => <YesNo yes={!harnessManaged} on="custom" off="managed" />, width: 120 },
    { title: 'Permissions', cell: ({ role }) => role.permissions.length, width: 120 },
    { title: 'Given to', cell: assignedTo },
    { title: 'Description', cell: ({ role }) => role.description },
  ];
  const close = () => setDoing(undefined);
  return (
    <PageFrame
      title="Roles"
      about="A role is a set of permissions. A role assignment gives it to somebody, on a resource group."
      actions={can('core_role_edit') && <Button onClick={() => setDoing({ what: 'create' })}>New role</Button>}
    >
      <Failure error={editing.error ?? deleting.error} title="The role could not be loaded" />
      <KindSearch search={search} />
      <Listing
        label="Roles"
        columns={columns}
        items={data?.content}
        keyOf={({ role }) => role.identifier}
        loading={isPending}
        error={error}
        empty={search.kind === 'custom' && !search.searchTerm ? 'There are no custom roles here.' : 'None matches.'}
        {...(data && { pages: { page: search.page, total: data.totalPages, items: data.totalItems, onPage: search.setPage } })}
      />
      <RoleWindow
        row={doing?.what === 'show' ? doing.row : undefined}
        onClose={close}
        onEdit={(row) => editing.edit({ path: pathOf(row), scope }, close)}
        onCopy={(row) => setDoing({ what: 'copy', row })}
        onDelete={(row) => deleting.edit({ path: pathOf(row), scope }, close)}
      />
      <RoleForm opened={doing?.what === 'create' || doing?.what === 'copy'} onClose={close} role={doing?.row?.role} />
      <RoleForm opened={editing.opened} onClose={editing.close} role={editing.edited?.role} editing={editing} />
      <Delete deleting={deleting} />
    </PageFrame>
  );
}

function Delete({ deleting: { opened, close, edited: row, headers, reload } }: { deleting: Editing<RoleRow> }) {
  const { credential, scope } = useSession();
  const refresh = useRefresh();
  const remove = async () => {
    if (!row) return;
    await platform(credential, pathOf(row), { method: 'DELETE', scope, headers });
    tell(`The role ${row.role.name} is deleted.`);
    void refresh(BASE, '/authz/api/roleassignments', 'whoami');
  };
  return (
    <Confirm opened={opened} onClose={close} title="Delete the role?" action="Delete" run={remove} reload={reload}>
      <b>{row?.role.name}</b> goes with its role assignments{row && `; given to: ${assignedTo(row)}`}. They lose what it permits with the next
      request. It cannot be had back.
    </Confirm>
  );
}
