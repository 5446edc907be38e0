import { Anchor, Badge, Button, Center, Loader, SimpleGrid, Table, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';

import { isGone } from '../api';
import { useSession } from '../session';
import { tell, useScim } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { ENTERPRISE, type Membership, nameOf, patchOf, type User, userPath } from './directory';
import { Failure } from '../ui/Failure';
import { type Column, Listing } from '../ui/Listing';
import { GroupLink } from './links';
import { PageFrame } from '../ui/PageFrame';
import { Section } from '../ui/Section';
import { UserAssignments } from './UserAssignments';
import { EditUser, EditUserJson, useChange } from './UserEdit';
import { useRemoval } from './useRemoval';
import { Facts, Id, Json, Time, YesNo } from '../ui/words';

export function UserDetail({ params }: { params: { id: string } }) {
  const path = `/Users/${encodeURIComponent(params.id)}`;
  const { data, error } = useScim<User>(path);
  if (data && !isGone(error)) return <Loaded user={data.resource} etag={data.etag} path={path} />;
  return (
    <PageFrame title="User" about={<Anchor component={Link} href="/users">All users</Anchor>}>
      {error ? (
        <Failure error={error} title="The user could not be loaded" />
      ) : (
        <Center p="xl">
          <Loader aria-label="Loading the user" />
        </Center>
      )}
    </PageFrame>
  );
}

type Window = 'edit' | 'json' | 'deactivate' | 'delete';

function Loaded({ user, etag, path }: { user: User; etag: string | undefined; path: string }) {
  const { can, whoami } = useSession();
  const [window, setWindow] = useState<Window>();
  const change = useChange(user);
  const remove = useRemoval('/Users', path, user.userName);
  const [, navigate] = useLocation();
  const close = () => setWindow(undefined);
  const active = user.active === true;
  const himself = whoami.principal.identifier === user.id;

  const setActive = async (value: boolean) => {
    await change('PATCH', patchOf([{ op: 'replace', path: 'active', value }]), etag);
    tell(`${user.userName} is ${value ? 'active' : 'inactive'}.`);
  };
  const activating = useMutation({ mutationFn: () => setActive(true) });
  const actions = can('core_user_manage') && (
    <>
      <Button variant="default" onClick={() => setWindow('edit')}>
        Edit
      </Button>
      {active ? (
        <Button variant="default" onClick={() => setWindow('deactivate')}>
          Deactivate
        </Button>
      ) : (
        <Button variant="default" loading={activating.isPending} onClick={() => activating.mutate()}>
          Activate
        </Button>
      )}
      <Button variant="outline" color="red" onClick={() => setWindow('delete')}>
        Delete
      </Button>
    </>
  );
  return (
    <PageFrame title={user.userName} about={<Anchor component={Link} href="/users" size="sm">All users</Anchor>} actions={actions}>
      <Failure error={activating.error} title="The user was not activated" />
      <Profile user={user} />
      <Groups groups={user.groups ?? []} />
      <UserAssignments id={user.id} />
      <Section
        title="Resource"
        about="The resource as the SCIM API answers it."
        actions={
          can('core_user_manage') && (
            <Button size="xs" variant="default" onClick={() => setWindow('json')}>
              Edit as JSON
            </Button>
          )
        }
      >
        <Json value={user} />
      </Section>

      <EditUser opened={window === 'edit'} onClose={close} user={user} etag={etag} />
      <EditUserJson opened={window === 'json'} onClose={close} user={user} etag={etag} />
      <Confirm opened={window === 'deactivate'} onClose={close} title={`Deactivate ${user.userName}?`} action="Deactivate" run={() => setActive(false)}>
        {himself && <Text size="sm" fw={700}>This is you: you will be signed out.</Text>}
        The tokens of the user are refused from now on. They hold again if the user is activated again; role assignments and
        memberships stay.
      </Confirm>
      <Confirm
        opened={window === 'delete'}
        onClose={close}
        title={`Delete ${user.userName}?`}
        action="Delete"
        run={remove}
        onDone={() => navigate('/users')}
      >
        {himself && <Text size="sm" fw={700}>This is you: you will be signed out.</Text>}
        Tokens, API keys, role assignments and memberships of the user go, too, and cannot be had back. Where the setting
        scim_delete_deactivates is on, the user is deactivated instead.
      </Confirm>
    </PageFrame>
  );
}

function Profile({ user }: { user: User }) {
  const work = user[ENTERPRISE];
  const manager = work?.manager?.value;
  const enterprise = [
    ['Employee number', work?.employeeNumber],
    ['Department', work?.department],
    ['Division', work?.division],
    ['Organization', work?.organization],
    ['Cost center', work?.costCenter],
    ['Manager', manager && <Anchor component={Link} href={userPath(manager)} size="sm" className="mono">{manager}</Anchor>],
  ] as const;
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Section title="Profile">
        <Facts
          facts={[
            ['Status', <YesNo key="status" yes={user.active === true} />],
            ['Name', nameOf(user) || '–'],
            ['Given name', user.name?.givenName ?? '–'],
            ['Family name', user.name?.familyName ?? '–'],
            ['Title', user.title ?? '–'],
            ['Id', <Id key="id">{user.id}</Id>],
            ['External id', user.externalId ? <Id key="external">{user.externalId}</Id> : '–'],
            ['Created', <Time key="created" at={user.meta.created} />],
            ['Last modified', <Time key="modified" at={user.meta.lastModified} />],
          ]}
        />
      </Section>
      <Section title="E-mails and enterprise">
        <Emails user={user} />
        <Facts facts={enterprise.map(([name, value]) => [name, value || '–'])} />
      </Section>
    </SimpleGrid>
  );
}

function Emails({ user }: { user: User }) {
  const emails = user.emails ?? [];
  if (emails.length === 0) return <Text size="sm" c="dimmed">No e-mail.</Text>;
  return (
    <Table aria-label="E-mails" verticalSpacing={4}>
      <Table.Tbody>
        {emails.map((email, index) => (
          <Table.Tr key={index}>
            <Table.Th scope="row" fw={400} style={{ overflowWrap: 'anywhere' }}>
              {email.value}
            </Table.Th>
            <Table.Td>{email.type ?? '–'}</Table.Td>
            <Table.Td>{email.primary && <Badge variant="default" tt="none">primary</Badge>}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

const GROUPS: Column<Membership>[] = [
  { title: 'Group', cell: (group) => <GroupLink id={group.value} name={group.display ?? group.value} /> },
  { title: 'Membership', cell: (group) => group.type ?? 'direct', width: 140 },
];

const SIZE = 10;

/** They came with the user, all of them; a page is shown at a time. */
function Groups({ groups }: { groups: Membership[] }) {
  const [page, setPage] = useState(1);
  const total = Math.max(1, Math.ceil(groups.length / SIZE));
  const shown = Math.min(page, total);
  return (
    <Section title="Groups" about="Indirect ones hold through a group that is a member of them.">
      <Listing
        label="Groups of the user"
        columns={GROUPS}
        items={groups.slice((shown - 1) * SIZE, shown * SIZE)}
        keyOf={(group) => group.value}
        empty="In no group."
        pages={{ page: shown, total, items: groups.length, onPage: setPage }}
      />
    </Section>
  );
}
