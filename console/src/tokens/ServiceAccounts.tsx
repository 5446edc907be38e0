import { Anchor, Button, Group, Select, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';
import { useLocation } from 'wouter';

import { type Page, platform } from '../api';
import { useSession } from '../session';
import { placeName, scopeOf } from '../access/access';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { FormModal } from '../ui/FormModal';
import { type Column, Listing } from '../ui/Listing';
import { NameAndId } from '../ui/NameAndId';
import { NewName } from '../ui/NewName';
import { PageFrame } from '../ui/PageFrame';
import { accountPath, LIST, type ServiceAccount, type ServiceAccountRow } from './serviceAccounts';
import { useDraft } from '../ui/useDraft';
import { Tags, Time } from '../ui/words';

const SIZE = 25;
const ONLY_HERE = 'EXCLUDE_INHERITED_SERVICE_ACCOUNTS';

/** The machine identities of the scope. */
export function ServiceAccounts() {
  const { scope } = useSession();
  return <InScope key={JSON.stringify(scope)} />;
}

function InScope() {
  const { scope, setScope, can } = useSession();
  const [, navigate] = useLocation();
  const [creating, setCreating] = useState(false);
  const [page, setPage] = useState(1);
  const [text, setText] = useState('');
  const [filterType, setFilterType] = useState(ONLY_HERE);
  const [searchTerm] = useDebouncedValue(text.trim(), 300);
  const query = { searchTerm, filterType, pageIndex: page - 1, pageSize: SIZE, sortOrders: 'name,ASC' };
  const { data, error, isPending } = usePlatform<Page<ServiceAccountRow>>(LIST, { query, scope, keep: true });

  const open = ({ serviceAccount }: ServiceAccountRow) => {
    // Its page looks where it lives.
    setScope(scopeOf(serviceAccount));
    navigate(accountPath(serviceAccount.identifier));
  };
  const columns: Column<ServiceAccountRow>[] = [
    {
      title: 'Service account',
      cell: (row) => (
        <Anchor component="button" type="button" ta="left" size="sm" onClick={() => open(row)}>
          <NameAndId name={row.serviceAccount.name} id={row.serviceAccount.identifier} />
        </Anchor>
      ),
    },
    { title: 'Roles in this scope', cell: (row) => <Roles row={row} /> },
    { title: 'API keys', cell: ({ tokensCount }) => tokensCount, width: 90 },
    ...(filterType === ONLY_HERE ? [] : [{ title: 'Scope', cell: ({ serviceAccount }: ServiceAccountRow) => placeName(serviceAccount) }]),
    { title: 'Created', cell: ({ createdAt }) => <Time at={createdAt} />, width: 200 },
  ];
  return (
    <PageFrame
      title="Service accounts"
      about="Machine identities: identity providers and programs sign in as one, with its tokens."
      actions={can('core_serviceaccount_edit') && <Button onClick={() => setCreating(true)}>New service account</Button>}
    >
      <Group gap="sm" align="flex-end">
        <TextInput
          label="Search"
          placeholder="Name, identifier, address or tag"
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setPage(1);
          }}
          style={{ flexGrow: 1 }}
          maw={360}
        />
        <Select
          label="Show those of"
          data={[
            { value: ONLY_HERE, label: 'this scope only' },
            ...(scope.org ? [{ value: 'INCLUDE_INHERITED_SERVICE_ACCOUNTS', label: 'this scope and those above' }] : []),
            ...(scope.project ? [] : [{ value: 'INCLUDE_CHILD_SCOPE_SERVICE_ACCOUNTS', label: 'this scope and those below' }]),
          ]}
          value={filterType}
          onChange={(value) => {
            setFilterType(value ?? ONLY_HERE);
            setPage(1);
          }}
          allowDeselect={false}
          w={250}
        />
      </Group>
      <Listing
        label="Service accounts"
        columns={columns}
        items={data?.content}
        keyOf={({ serviceAccount }) => `${placeName(serviceAccount)}/${serviceAccount.identifier}`}
        loading={isPending}
        error={error}
        empty={searchTerm ? 'None matches.' : 'There are no service accounts here.'}
        {...(data && { pages: { page, total: data.totalPages, items: data.totalItems, onPage: setPage } })}
      />
      <NewServiceAccount opened={creating} onClose={() => setCreating(false)} />
    </PageFrame>
  );
}

function Roles({ row }: { row: ServiceAccountRow }) {
  const names = [...new Set((row.roleAssignmentsMetadataDTO ?? []).map((one) => one.roleName))];
  return names.length > 0 ? <Tags words={names} /> : 'none';
}

function NewServiceAccount({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { credential, scope } = useSession();
  const refresh = useRefresh();
  const [, navigate] = useLocation();
  const [draft, setDraft] = useDraft(opened, () => ({ name: '', identifier: '', email: '', description: '' }));
  const create = async () => {
    const { name, description } = draft;
    const body = { name, identifier: draft.identifier.trim(), email: draft.email.trim(), description };
    const made = await platform<ServiceAccount>(credential, '/ng/api/serviceaccount', { method: 'POST', body, scope });
    tell(`${made.name} is created as ${made.identifier}.`);
    void refresh('/ng/api/serviceaccount');
    return made;
  };
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title="New service account"
      action="Create"
      submit={create}
      onDone={(made) => navigate(accountPath(made.identifier))}
    >
      <NewName value={draft} onChange={(value) => setDraft({ ...draft, ...value })} />
      <TextInput
        label="Address"
        description="Nothing is ever sent there. Without one it is made from the identifier."
        value={draft.email}
        onChange={(event) => setDraft({ ...draft, email: event.currentTarget.value })}
      />
      <Textarea label="Description" value={draft.description} onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })} autosize minRows={2} />
    </FormModal>
  );
}
