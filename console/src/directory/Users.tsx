import { Button, Checkbox, Text } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';

import { scim } from '../api';
import { useSession } from '../session';
import { tell, useRefresh } from '../ui/calls';
import { type User, userFilter, userPath } from './directory';
import { FormModal } from '../ui/FormModal';
import { type Column, Listing } from '../ui/Listing';
import { OF_USERS } from './links';
import { PageFrame } from '../ui/PageFrame';
import { Pager, useScimPages } from './ScimPages';
import { ScimSearch, useScimSearch } from './ScimSearch';
import { useDraft } from '../ui/useDraft';
import { creation, draftOf, UserFields } from './UserFields';
import { Time } from '../ui/words';

// Without `groups`, of which a user can have many.
const ATTRIBUTES = 'userName,displayName,name,emails,active,meta';

const COLUMNS: Column<User>[] = [
  ...OF_USERS,
  { title: 'Last modified', cell: (user) => <Time at={user.meta.lastModified} />, width: 230 },
];

export function Users() {
  const { can } = useSession();
  const [creating, setCreating] = useState(false);
  const search = useScimSearch(userFilter);
  const pages = useScimPages<User>('/Users', { filter: search.filter, sortBy: 'userName', attributes: ATTRIBUTES });
  // SCIM asks for both.
  const mayCreate = can('core_user_manage') && can('core_user_invite');
  return (
    <PageFrame
      title="Users"
      about="Everybody in the account, as SCIM has them."
      actions={mayCreate && <Button onClick={() => setCreating(true)}>New user</Button>}
    >
      <ScimSearch search={search} label="Search user names, display names and e-mails" example={'active eq false and meta.created gt "2026-01-01T00:00:00Z"'} />
      <Listing
        label="Users"
        columns={COLUMNS}
        items={pages.items}
        keyOf={(user) => user.id}
        loading={pages.answer.isPending}
        error={pages.answer.error}
        empty={search.filter ? 'Nobody matches.' : 'There are no users yet.'}
      />
      <Pager pages={pages} label="users" />
      <NewUser opened={creating} onClose={() => setCreating(false)} />
    </PageFrame>
  );
}

function NewUser({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const [, navigate] = useLocation();
  const [draft, setDraft] = useDraft(opened, () => draftOf());
  const [active, setActive] = useDraft(opened, () => true);
  const create = async () => {
    const { resource } = await scim<User>(credential, '/Users', { method: 'POST', body: creation(draft, active) });
    tell(`${resource.userName} is created.`);
    void refresh('scim:/Users');
    return resource;
  };
  return (
    <FormModal opened={opened} onClose={onClose} title="New user" action="Create" submit={create} onDone={({ id }) => navigate(userPath(id))} size="lg">
      <Text size="sm" c="dimmed">
        An inactive user of this user name comes back with this data, unless the setting scim_revive_on_create is off.
      </Text>
      <UserFields draft={draft} onChange={setDraft} />
      <Checkbox label="Active" checked={active} onChange={(event) => setActive(event.currentTarget.checked)} />
    </FormModal>
  );
}
