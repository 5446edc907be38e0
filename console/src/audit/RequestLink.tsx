import { Anchor, Group } from '@mantine/core';
import { Link } from 'wouter';

import { useSession } from '../session';
import { usePlatform } from '../ui/calls';
import { Id } from '../ui/words';

/** A request's id; where it was one of SCIM and its entry is still kept, a link to that. */
export function RequestLink({ id }: { id: string }) {
  const { can } = useSession();
  const { data } = usePlatform<{ entries: { id: string }[] }>('/ng/api/provisioning-log', {
    query: { requestId: id, limit: 1 },
    enabled: can('core_audit_view'),
  });
  const entry = data?.entries[0];
  return (
    <Group gap="xs">
      <Id>{id}</Id>
      {entry && (
        <Anchor component={Link} href={`/log/${encodeURIComponent(entry.id)}`} size="sm">
          In the provisioning log
        </Anchor>
      )}
    </Group>
  );
}
