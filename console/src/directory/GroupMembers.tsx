import { Button, Group as Row, SegmentedControl, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';

import { AddMembers } from './AddMembers';
import { Confirm } from '../ui/Confirm';
import { type Group, quoted, type User, userFilter } from './directory';
import { type Column, Listing } from '../ui/Listing';
import { Pager, useScimPages } from './ScimPages';
import { OF_USERS } from './links';
import { Section } from '../ui/Section';
import { useMembership } from './useMembership';

/** The users of a group: those whose `groups` name it, a page at a time, since the group itself comes with all of them only. */
export function GroupMembers({ group, mayManage }: { group: Group; mayManage: boolean }) {
  const [kind, setKind] = useState('direct');
  const [text, setText] = useState('');
  const [settled] = useDebouncedValue(text.trim(), 250);
  const [adding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<User>();
  const change = useMembership(group);
  const direct = kind === 'direct';
  const within = direct ? `groups[value eq ${quoted(group.id)} and type eq "direct"]` : `groups.value eq ${quoted(group.id)}`;
  const pages = useScimPages<User>('/Users', {
    filter: settled ? `${within} and (${userFilter(settled)})` : within,
    sortBy: 'userName',
    attributes: 'userName,displayName,name,emails,active',
  });
  const remove: Column<User> = {
    title: 'Actions',
    width: 110,
    cell: (user) => (
      <Button size="compact-sm" variant="subtle" color="red" aria-label={`Remove ${user.userName}`} onClick={() => setLeaving(user)}>
        Remove
      </Button>
    ),
  };
  return (
    <Section title="Users" actions={mayManage && <Button onClick={() => setAdding(true)}>Add members</Button>}>
      <Row gap="md" align="flex-end">
        <TextInput
          type="search"
          label="Search these users"
          flex="1 1 200px"
          maw={400}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <SegmentedControl
          aria-label="Which members"
          value={kind}
          onChange={setKind}
          data={[
            { value: 'direct', label: 'Direct' },
            { value: 'all', label: 'With those of inner groups' },
          ]}
        />
      </Row>
      <Listing
        label="Members"
        columns={mayManage && direct ? [...OF_USERS, remove] : OF_USERS}
        items={pages.items}
        keyOf={(user) => user.id}
        loading={pages.answer.isPending}
        error={pages.answer.error}
        empty={settled ? 'Nobody of the group matches.' : 'Nobody is in this group.'}
      />
      <Pager pages={pages} label="members" />
      {mayManage && <AddMembers opened={adding} onClose={() => setAdding(false)} group={group} />}
      <Confirm
        opened={leaving !== undefined}
        onClose={() => setLeaving(undefined)}
        title={`Remove ${leaving?.userName ?? ''} from ${group.displayName}?`}
        action="Remove"
        run={async () => {
          if (leaving) await change('remove', leaving.id, leaving.userName);
        }}
      >
        The user stays in the account, and loses what the group’s role assignments give. An identity provider that keeps this
        group can add the user again.
      </Confirm>
    </Section>
  );
}
