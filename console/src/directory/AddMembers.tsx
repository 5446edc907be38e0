import { Button, Modal, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { emailOf, type Group, groupFilter, nameOf, quoted, type User, userFilter } from './directory';
import { Failure } from '../ui/Failure';
import { type Column, Listing } from '../ui/Listing';
import { Pager, useScimPages } from './ScimPages';
import { useMembership } from './useMembership';

interface Props {
  opened: boolean;
  onClose: () => void;
  group: Group;
}

/** Who or what may be added: a user or a group, found by a search. */
interface Candidate {
  id: string;
  name: string;
  about: string;
}

export function AddMembers(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={`Add members to ${props.group.displayName}`} size="lg">
      {props.opened && <Search {...props} />}
    </Modal>
  );
}

function Search({ group, onClose }: Props) {
  const [kind, setKind] = useState('user');
  const [text, setText] = useState('');
  const [settled] = useDebouncedValue(text.trim(), 250);
  const change = useMembership(group);
  const adding = useMutation({ mutationFn: ({ id, name }: Candidate) => change('add', id, name) });
  const ofUsers = kind === 'user';

  const others = `not (groups[value eq ${quoted(group.id)} and type eq "direct"])`;
  const users = useScimPages<User>(
    '/Users',
    {
      filter: settled ? `${others} and (${userFilter(settled)})` : others,
      sortBy: 'userName',
      attributes: 'userName,displayName,name,emails',
    },
    { count: 8, enabled: ofUsers },
  );
  const elsewhere = `id ne ${quoted(group.id)}`;
  const groups = useScimPages<Group>(
    '/Groups',
    { filter: settled ? `${elsewhere} and ${groupFilter(settled)}` : elsewhere, sortBy: 'displayName', attributes: 'displayName' },
    { count: 8, enabled: !ofUsers },
  );
  const candidates: Candidate[] | undefined = ofUsers
    ? users.items?.map((user) => ({ id: user.id, name: user.userName, about: nameOf(user) || emailOf(user) }))
    : groups.items?.map((one) => ({ id: one.id, name: one.displayName, about: '' }));

  const columns: Column<Candidate>[] = [
    {
      title: ofUsers ? 'User' : 'Group',
      cell: ({ name, about }) => (
        <>
          {name}
          {about && (
            <Text size="xs" c="dimmed">
              {about}
            </Text>
          )}
        </>
      ),
    },
    {
      title: 'Actions',
      width: 90,
      cell: (one) => (
        <Button
          size="compact-sm"
          variant="default"
          aria-label={`Add ${one.name}`}
          loading={adding.isPending && adding.variables.id === one.id}
          onClick={() => adding.mutate(one)}
        >
          Add
        </Button>
      ),
    },
  ];
  const pages = ofUsers ? users : groups;
  return (
    <Stack>
      <SegmentedControl
        aria-label="What to add"
        value={kind}
        onChange={setKind}
        data={[
          { value: 'user', label: 'Users' },
          { value: 'group', label: 'Groups' },
        ]}
      />
      <TextInput
        type="search"
        label={ofUsers ? 'Search users who are no direct members' : 'Search groups'}
        description={ofUsers ? undefined : 'The members of an added group are members of this one, too.'}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        data-autofocus
      />
      <Failure error={adding.error} title="It was not added" />
      <Listing
        label="Candidates"
        columns={columns}
        items={candidates}
        keyOf={({ id }) => id}
        loading={pages.answer.isPending}
        error={pages.answer.error}
        empty="Nothing matches."
      />
      {ofUsers ? <Pager pages={users} label="candidates" /> : <Pager pages={groups} label="candidates" />}
      <Button variant="default" onClick={onClose} style={{ alignSelf: 'flex-end' }}>
        Done
      </Button>
    </Stack>
  );
}
