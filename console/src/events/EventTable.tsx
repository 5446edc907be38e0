import { Anchor, Badge, Group, Text } from '@mantine/core';
import { Link } from 'wouter';

import { type Column, Listing } from '../ui/Listing';
import { Stamp } from '../ui/Stamp';
import type { DirectoryEvent } from './useEvents';
import { Id, Tags } from '../ui/words';

const PAGES: Record<string, string> = { User: '/users', Group: '/groups' };

/** The name of a resource, leading to its page where it has one and is not gone with this very event. */
function Named({ type, id, name, gone }: { type: string; id: string; name: string | undefined; gone: boolean }) {
  const page = PAGES[type];
  if (!page || gone) return name ? <Text size="sm">{name}</Text> : <Id>{id}</Id>;
  return (
    <Anchor component={Link} href={`${page}/${encodeURIComponent(id)}`} size="sm" style={{ overflowWrap: 'anywhere' }}>
      {name ?? id}
    </Anchor>
  );
}

function Resource({ event }: { event: DirectoryEvent }) {
  const { resourceType, resourceId, orgIdentifier, projectIdentifier } = event;
  const scope = [orgIdentifier, projectIdentifier].filter(Boolean).join(' / ');
  return (
    <Group gap={6} miw={140}>
      <Named type={resourceType} id={resourceId} name={event.userName ?? event.displayName ?? event.externalId} gone={event.type.endsWith('.deleted')} />
      {(scope || !PAGES[resourceType]) && (
        <Text size="xs" c="dimmed">
          {[PAGES[resourceType] ? '' : resourceType, scope && `in ${scope}`].filter(Boolean).join(' ')}
        </Text>
      )}
    </Group>
  );
}

function What({ event: { changedAttributes, member } }: { event: DirectoryEvent }) {
  if (changedAttributes) return <Tags words={changedAttributes} />;
  if (!member) return <Text size="sm">–</Text>;
  return (
    <Group gap={6}>
      <Named type={member.type} id={member.value} name={member.display} gone={false} />
      <Text size="xs" c="dimmed">
        {member.type}
      </Text>
    </Group>
  );
}

const COLUMNS: Column<DirectoryEvent>[] = [
  { title: 'Number', width: 80, cell: ({ number }) => <span className="mono">{String(number)}</span> },
  { title: 'Time', width: 170, cell: ({ time }) => <Stamp at={time} /> },
  {
    title: 'Event',
    cell: ({ type }) => (
      <Badge variant="default" tt="none" w="max-content">
        {type}
      </Badge>
    ),
  },
  { title: 'Resource', cell: (event) => <Resource event={event} /> },
  { title: 'Attributes or member', cell: (event) => <What event={event} /> },
  { title: 'Who', cell: ({ actor }) => <Text size="sm">{actor ? (actor.name ?? actor.id) : '–'}</Text> },
];

export function EventTable({ events, waiting }: { events: DirectoryEvent[]; waiting: boolean }) {
  return (
    <Listing label="Events" columns={COLUMNS} items={events} keyOf={({ number }) => String(number)} loading={waiting} empty="No events here." />
  );
}
