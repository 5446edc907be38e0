import { Anchor, Button, Center, Loader, SimpleGrid, TextInput } from '@mantine/core';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';

import { isGone, Refused, scim } from '../api';
import { useSession } from '../session';
import { tell, useRefresh, useScim } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { type Group, type Operation, patchOf, quoted } from './directory';
import { Failure } from '../ui/Failure';
import { FormModal } from '../ui/FormModal';
import { GroupMembers } from './GroupMembers';
import { InnerGroups } from './InnerGroups';
import { GroupLink } from './links';
import { type Column, Listing } from '../ui/Listing';
import { PageFrame } from '../ui/PageFrame';
import { Pager, useScimPages } from './ScimPages';
import { Section } from '../ui/Section';
import { useDraft } from '../ui/useDraft';
import { useRemoval } from './useRemoval';
import { Facts, Id, Time } from '../ui/words';

// There may be many thousands, who are asked for by the page.
const WITHOUT_MEMBERS = { excludedAttributes: 'members' };

export function GroupDetail({ params }: { params: { id: string } }) {
  const path = `/Groups/${encodeURIComponent(params.id)}`;
  const { data, error } = useScim<Group>(path, { query: WITHOUT_MEMBERS });
  if (data && !isGone(error)) return <Loaded group={data.resource} etag={data.etag} path={path} />;
  return (
    <PageFrame title="Group" about={<Anchor component={Link} href="/groups">All groups</Anchor>}>
      {error ? (
        <Failure error={error} title="The group could not be loaded" />
      ) : (
        <Center p="xl">
          <Loader aria-label="Loading the group" />
        </Center>
      )}
    </PageFrame>
  );
}

function Loaded({ group, etag, path }: { group: Group; etag: string | undefined; path: string }) {
  const { can } = useSession();
  const [window, setWindow] = useState<'edit' | 'delete'>();
  const remove = useRemoval('/Groups', path, group.displayName);
  const [, navigate] = useLocation();
  const close = () => setWindow(undefined);
  const mayManage = can('core_usergroup_manage');
  const actions = mayManage && (
    <>
      <Button variant="default" onClick={() => setWindow('edit')}>
        Edit
      </Button>
      <Button variant="outline" color="red" onClick={() => setWindow('delete')}>
        Delete
      </Button>
    </>
  );
  return (
    <PageFrame title={group.displayName} about={<Anchor component={Link} href="/groups" size="sm">All groups</Anchor>} actions={actions}>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Section title="Group">
          <Facts
            facts={[
              ['Id', <Id key="id">{group.id}</Id>],
              ['External id', group.externalId ? <Id key="external">{group.externalId}</Id> : '–'],
              ['Created', <Time key="created" at={group.meta.created} />],
              ['Last modified', <Time key="modified" at={group.meta.lastModified} />],
            ]}
          />
        </Section>
        <OuterGroups id={group.id} />
      </SimpleGrid>
      <InnerGroups group={group} mayManage={mayManage} />
      <GroupMembers group={group} mayManage={mayManage} />

      <EditGroup opened={window === 'edit'} onClose={close} group={group} etag={etag} path={path} />
      <Confirm
        opened={window === 'delete'}
        onClose={close}
        title={`Delete ${group.displayName}?`}
        action="Delete"
        run={remove}
        onDone={() => navigate('/groups')}
      >
        Its members stay in the account and lose what its role assignments gave them; these go with it. This cannot be undone.
      </Confirm>
    </PageFrame>
  );
}

const OUTER: Column<Group>[] = [
  { title: 'Group', cell: (group) => <GroupLink id={group.id} name={group.displayName} /> },
];

/** The groups that have this one as a member, and whose roles its members have, too. */
function OuterGroups({ id }: { id: string }) {
  const pages = useScimPages<Group>(
    '/Groups',
    { filter: `members.value eq ${quoted(id)}`, sortBy: 'displayName', attributes: 'displayName' },
    { count: 5 },
  );
  return (
    <Section title="Member of">
      <Listing
        label="Groups it is in"
        columns={OUTER}
        items={pages.items}
        keyOf={(group) => group.id}
        loading={pages.answer.isPending}
        error={pages.answer.error}
        empty="In no other group."
      />
      <Pager pages={pages} label="the groups it is in" />
    </Section>
  );
}

interface EditProps {
  opened: boolean;
  onClose: () => void;
  group: Group;
  etag: string | undefined;
  path: string;
}

function draftOf(group: Group, etag: string | undefined) {
  return { before: group, version: etag, displayName: group.displayName, externalId: group.externalId ?? '' };
}

function EditGroup({ opened, onClose, group, etag, path }: EditProps) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const [draft, setDraft] = useDraft(opened, () => draftOf(group, etag));
  const operations: Operation[] = [];
  if (draft.displayName !== draft.before.displayName) operations.push({ op: 'replace', path: 'displayName', value: draft.displayName });
  if (draft.externalId !== (draft.before.externalId ?? '')) {
    operations.push(draft.externalId ? { op: 'replace', path: 'externalId', value: draft.externalId } : { op: 'remove', path: 'externalId' });
  }
  const save = async () => {
    const headers = { prefer: 'return=minimal', ...(draft.version && { 'if-match': draft.version }) };
    try {
      await scim(credential, path, { method: 'PATCH', body: patchOf(operations), headers });
    } catch (error) {
      // The page behind the form shows what there is now.
      if (error instanceof Refused && error.status === 412) void refresh(`scim:${path}`);
      throw error;
    }
    await refresh('scim:/Groups');
    tell('The group is changed.');
  };
  const reload = async () => {
    const { resource, etag: version } = await scim<Group>(credential, path, { query: WITHOUT_MEMBERS });
    setDraft(draftOf(resource, version));
  };
  return (
    <FormModal opened={opened} onClose={onClose} title="Edit group" action="Save" submit={save} reload={reload} disabled={operations.length === 0}>
      <TextInput
        label="Display name"
        description="Its identifier on the platform API stays as it is."
        value={draft.displayName}
        onChange={(event) => setDraft({ ...draft, displayName: event.currentTarget.value })}
        required
        data-autofocus
      />
      <TextInput label="External id" value={draft.externalId} onChange={(event) => setDraft({ ...draft, externalId: event.currentTarget.value })} />
    </FormModal>
  );
}
