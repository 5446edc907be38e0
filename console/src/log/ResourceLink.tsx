import { Anchor, Group, Text } from '@mantine/core';
import { Link } from 'wouter';

import type { ScimList } from '../api';
import { useSession } from '../session';
import { useScim } from '../ui/calls';
import { Id } from '../ui/words';

/** The user or group that a request was about; a link only as long as it is there. */
export function ResourceLink({ id, path }: { id: string; path: string }) {
  const { can } = useSession();
  const kind = /\/(Users|Groups)(?:\/|$)/.exec(path)?.[1];
  const may = kind === 'Users' ? can('core_user_view') : kind === 'Groups' && can('core_usergroup_view');
  // A list by id: asking for one that is gone would be an error.
  const found = useScim<ScimList<{ userName?: string; displayName?: string }>>(`/${kind ?? ''}`, {
    query: { filter: `id eq ${JSON.stringify(id)}`, attributes: 'userName,displayName' },
    enabled: may,
  });
  const one = found.data?.resource.Resources?.[0];
  return (
    <Group gap="xs">
      <Id>{id}</Id>
      {one && (
        <Anchor component={Link} href={`/${kind === 'Users' ? 'users' : 'groups'}/${encodeURIComponent(id)}`} size="sm">
          {one.userName ?? one.displayName ?? 'Open it'}
        </Anchor>
      )}
      {found.data && !one && (
        <Text size="sm" c="dimmed">
          is not in the directory
        </Text>
      )}
    </Group>
  );
}
