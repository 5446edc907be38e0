import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';

import { scim } from '../api';
import { useSession } from '../session';
import { tell, useRefresh } from '../ui/calls';
import { type Group, GROUP_SCHEMA, groupFilter, groupPath } from './directory';
import { FormModal } from '../ui/FormModal';
import { type Column, Listing } from '../ui/Listing';
import { GroupLink } from './links';
import { PageFrame } from '../ui/PageFrame';
import { Pager, useScimPages } from './ScimPages';
import { ScimSearch, useScimSearch } from './ScimSearch';
import { useDraft } from '../ui/useDraft';
import { Id, Time } from '../ui/words';

const COLUMNS: Column<Group>[] = [
  { title: 'Display name', cell: (group) => <GroupLink id={group.id} name={group.displayName} /> },
  { title: 'External id', cell: (group) => (group.externalId ? <Id>{group.externalId}</Id> : '–') },
  { title: 'Created', cell: (group) => <Time at={group.meta.created} />, width: 230 },
  { title: 'Last modified', cell: (group) => <Time at={group.meta.lastModified} />, width: 230 },
];

export function Groups() {
  const { can } = useSession();
  const [creating, setCreating] = useState(false);
  const search = useScimSearch(groupFilter);
  const pages = useScimPages<Group>('/Groups', {
    filter: search.filter,
    sortBy: 'displayName',
    attributes: 'displayName,externalId,meta',
  });
  return (
    <PageFrame
      title="Groups"
      about="The groups of the account, as SCIM has them. Roles given to a group hold for its members."
      actions={can('core_usergroup_manage') && <Button onClick={() => setCreating(true)}>New group</Button>}
    >
      <ScimSearch search={search} label="Search display names" example={'externalId pr and displayName sw "eng"'} />
      <Listing
        label="Groups"
        columns={COLUMNS}
        items={pages.items}
        keyOf={(group) => group.id}
        loading={pages.answer.isPending}
        error={pages.answer.error}
        empty={search.filter ? 'No group matches.' : 'There are no groups yet.'}
      />
      <Pager pages={pages} label="groups" />
      <NewGroup opened={creating} onClose={() => setCreating(false)} />
    </PageFrame>
  );
}

function NewGroup({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const [, navigate] = useLocation();
  const [draft, setDraft] = useDraft(opened, () => ({ displayName: '', externalId: '' }));
  const create = async () => {
    const body = { schemas: [GROUP_SCHEMA], displayName: draft.displayName, externalId: draft.externalId || undefined };
    const { resource } = await scim<Group>(credential, '/Groups', { method: 'POST', body });
    tell(`${resource.displayName} is created.`);
    void refresh('scim:/Groups');
    return resource;
  };
  return (
    <FormModal opened={opened} onClose={onClose} title="New group" action="Create" submit={create} onDone={({ id }) => navigate(groupPath(id))}>
      <TextInput
        label="Display name"
        description="It need not be unique, but Entra ID matches groups by it."
        value={draft.displayName}
        onChange={(event) => setDraft({ ...draft, displayName: event.currentTarget.value })}
        required
        data-autofocus
      />
      <TextInput
        label="External id"
        description="What the identity provider calls it, if one will keep it."
        value={draft.externalId}
        onChange={(event) => setDraft({ ...draft, externalId: event.currentTarget.value })}
      />
    </FormModal>
  );
}
