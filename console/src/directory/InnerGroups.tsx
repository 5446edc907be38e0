import { Button, Text } from '@mantine/core';
import { useState } from 'react';

import type { ScimList } from '../api';
import { useScim } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { type Group, quoted } from './directory';
import { type Column, Listing } from '../ui/Listing';
import { GroupLink } from './links';
import { Section } from '../ui/Section';
import { useMembership } from './useMembership';

interface Member {
  value: string;
  display?: string;
  type?: string;
}

// Up to this many, the members are read to find the groups among them; above it when somebody asks.
const FEW = 500;

/** The groups that are members. No filter gives them alone, so they are read with all members where there are any. */
export function InnerGroups({ group, mayManage }: { group: Group; mayManage: boolean }) {
  const [wanted, setWanted] = useState(false);
  const [leaving, setLeaving] = useState<Member>();
  const change = useMembership(group);
  const id = quoted(group.id);
  const some = useScim<ScimList<Group>>('/Groups', { query: { filter: `id eq ${id} and members.type eq "Group"`, count: 0 } });
  const users = useScim<ScimList<unknown>>('/Users', {
    query: { filter: `groups[value eq ${id} and type eq "direct"]`, count: 0 },
  });
  const few = (users.data?.resource.totalResults ?? Infinity) <= FEW;
  const any = (some.data?.resource.totalResults ?? 0) > 0;
  const read = useScim<{ members?: Member[] }>(`/Groups/${encodeURIComponent(group.id)}`, {
    query: { attributes: 'members.value,members.type,members.display' },
    enabled: any && (few || wanted),
  });
  if (!any) return null;
  const columns: Column<Member>[] = [
    { title: 'Group', cell: (member) => <GroupLink id={member.value} name={member.display ?? member.value} /> },
  ];
  if (mayManage) {
    columns.push({
      title: 'Actions',
      width: 110,
      cell: (member) => (
        <Button
          size="compact-sm"
          variant="subtle"
          color="red"
          aria-label={`Remove ${member.display ?? member.value}`}
          onClick={() => setLeaving(member)}
        >
          Remove
        </Button>
      ),
    });
  }
  return (
    <Section title="Inner groups" about="Groups that are members of this one: their members are indirect members of it.">
      {few || wanted ? (
        <Listing
          label="Inner groups"
          columns={columns}
          items={read.data?.resource.members?.filter((member) => member.type === 'Group')}
          keyOf={(member) => member.value}
          loading={read.isPending}
          error={read.error}
          empty="None."
        />
      ) : (
        <>
          <Text size="sm">There are some. To name them, all members of the group have to be read.</Text>
          <Button variant="default" size="xs" style={{ alignSelf: 'flex-start' }} onClick={() => setWanted(true)}>
            Read them
          </Button>
        </>
      )}
      <Confirm
        opened={leaving !== undefined}
        onClose={() => setLeaving(undefined)}
        title={`Remove ${leaving?.display ?? 'the group'} from ${group.displayName}?`}
        action="Remove"
        run={async () => {
          if (leaving) await change('remove', leaving.value, leaving.display ?? leaving.value);
        }}
      >
        The group stays, and its members lose what the role assignments of {group.displayName} give.
      </Confirm>
    </Section>
  );
}
