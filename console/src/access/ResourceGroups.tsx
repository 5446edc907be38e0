import { Anchor, Button } from '@mantine/core';
import { useState } from 'react';

import { type Page, platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatformPost, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { Failure } from '../ui/Failure';
import { KindSearch, useKindSearch } from './KindSearch';
import { type Column, Listing } from '../ui/Listing';
import { NameAndId } from '../ui/NameAndId';
import { PageFrame } from '../ui/PageFrame';
import { ResourceGroupForm } from './ResourceGroupForm';
import { includedScopes, type ResourceGroupRow, resourcesOf } from './resourceGroups';
import { ResourceGroupWindow } from './ResourceGroupWindow';
import { type Editing, useEditing } from '../ui/useEditing';
import { Tags, YesNo } from '../ui/words';

const SIZE = 25;
const BASE = '/authz/api/v2/resourcegroup';

function pathOf({ resourceGroup }: ResourceGroupRow): string {
  return `${BASE}/${encodeURIComponent(resourceGroup.identifier)}`;
}

const KINDS: Record<string, string> = { all: 'NO_FILTER', managed: 'ONLY_MANAGED', custom: 'ONLY_CUSTOM' };

/** On which things roles hold. */
export function ResourceGroups() {
  const { scope } = useSession();
  return <InScope key={JSON.stringify(scope)} />;
}

type Doing = { what: 'show'; row: ResourceGroupRow } | { what: 'create'; row?: undefined };

function InScope() {
  const { scope, can } = useSession();
  const [doing, setDoing] = useState<Doing>();
  const editing = useEditing<ResourceGroupRow>();
  const deleting = useEditing<ResourceGroupRow>();
  const search = useKindSearch();
  const { data, error, isPending } = usePlatformPost<Page<ResourceGroupRow>>(
    `${BASE}/filter`,
    { managedFilter: KINDS[search.kind], searchTerm: search.searchTerm },
    { query: { pageIndex: search.page - 1, pageSize: SIZE, sortOrders: 'name,ASC' }, scope, keep: true },
  );
  const columns: Column<ResourceGroupRow>[] = [
    {
      title: 'Resource group',
      cell: (row) => (
        <Anchor component="button" type="button" ta="left" size="sm" onClick={() => setDoing({ what: 'show', row })}>
          <NameAndId name={row.resourceGroup.name} id={row.resourceGroup.identifier} />
        </Anchor>
      ),
    },
    { title: 'Kind', cell: ({ harnessManaged }) => <YesNo yes={!harnessManaged} on="custom" off="managed" />, width: 120 },
    { title: 'Included scopes', cell: ({ resourceGroup }) => <Tags words={includedScopes(resourceGroup)} /> },
    { title: 'Resources', cell: ({ resourceGroup }) => <Tags words={resourcesOf(resourceGroup)} /> },
  ];
  const close = () => setDoing(undefined);
  return (
    <PageFrame
      title="Resource groups"
      about="A resource group says on which things a role holds that is given on it."
      actions={can('core_resourcegroup_edit') && <Button onClick={() => setDoing({ what: 'create' })}>New resource group</Button>}
    >
      <Failure error={editing.error ?? deleting.error} title="The resource group could not be loaded" />
      <KindSearch search={search} />
      <Listing
        label="Resource groups"
        columns={columns}
        items={data?.content}
        keyOf={({ resourceGroup }) => resourceGroup.identifier}
        loading={isPending}
        error={error}
        empty={search.kind === 'custom' && !search.searchTerm ? 'There are no custom resource groups here.' : 'None matches.'}
        {...(data && { pages: { page: search.page, total: data.totalPages, items: data.totalItems, onPage: search.setPage } })}
      />
      <ResourceGroupWindow
        row={doing?.what === 'show' ? doing.row : undefined}
        onClose={close}
        onEdit={(row) => editing.edit({ path: pathOf(row), scope }, close)}
        onDelete={(row) => deleting.edit({ path: pathOf(row), scope }, close)}
      />
      <ResourceGroupForm opened={doing?.what === 'create'} onClose={close} />
      <ResourceGroupForm opened={editing.opened} onClose={editing.close} editing={editing} />
      <Delete deleting={deleting} />
    </PageFrame>
  );
}

function Delete({ deleting: { opened, close, edited: row, headers, reload } }: { deleting: Editing<ResourceGroupRow> }) {
  const { credential, scope } = useSession();
  const refresh = useRefresh();
  const remove = async () => {
    if (!row) return;
    await platform(credential, pathOf(row), { method: 'DELETE', scope, headers });
    tell(`The resource group ${row.resourceGroup.name} is deleted.`);
    void refresh(BASE, '/authz/api/roleassignments', 'whoami');
  };
  return (
    <Confirm opened={opened} onClose={close} title="Delete the resource group?" action="Delete" run={remove} reload={reload}>
      <b>{row?.resourceGroup.name}</b> goes with the role assignments on it: whoever has a role through it loses it with the next request. It
      cannot be had back.
    </Confirm>
  );
}
