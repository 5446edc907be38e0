import { Button, Group, Modal, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

import { useSession } from '../session';
import { usePlatform } from '../ui/calls';
import { assignedTo, grouped, type Permission, type RoleRow } from './roles';
import { Facts, Id, Time, YesNo } from '../ui/words';

interface Props {
  row: RoleRow | undefined;
  onClose: () => void;
  onEdit: (row: RoleRow) => void;
  onCopy: (row: RoleRow) => void;
  onDelete: (row: RoleRow) => void;
}

/** A role with what it permits. */
export function RoleWindow({ row, onClose, ...actions }: Props) {
  return (
    <Modal opened={row !== undefined} onClose={onClose} title={row?.role.name ?? 'Role'} size="lg">
      {row && <Inside row={row} {...actions} />}
    </Modal>
  );
}

function Inside({ row, onEdit, onCopy, onDelete }: Omit<Props, 'row' | 'onClose'> & { row: RoleRow }) {
  const { scope, can } = useSession();
  const { data } = usePlatform<{ permission: Permission }[]>('/authz/api/permissions', { scope });
  const { role, harnessManaged } = row;
  const known = new Map((data ?? []).map(({ permission }) => [permission.identifier, permission]));
  // What the catalogue does not name is shown as well.
  const permissions = role.permissions.map((identifier) => known.get(identifier) ?? { identifier, name: identifier, resourceType: 'Others' });
  return (
    <Stack>
      <Facts
        facts={[
          ['Identifier', <Id key="id">{role.identifier}</Id>],
          ['Kind', <YesNo key="kind" yes={!harnessManaged} on="custom" off="managed" />],
          ['Description', role.description || '–'],
          ['Given to', assignedTo(row)],
          ...(harnessManaged ? [] : [['Last modified', <Time key="modified" at={row.lastModifiedAt} />] as [string, ReactNode]]),
        ]}
      />
      <Title order={3} size="h5">
        {permissions.length} permission{permissions.length === 1 ? '' : 's'}
      </Title>
      <Facts
        facts={grouped(permissions).map(([type, group]) => [
          type,
          <Stack key={type} gap={2}>
            {group.map((one) => (
              <Text key={one.identifier} size="sm">
                {one.name} <span className="mono">{one.identifier}</span>
              </Text>
            ))}
          </Stack>,
        ])}
      />
      <Group justify="flex-end">
        {can('core_role_edit') && (
          <Button variant="default" onClick={() => onCopy(row)}>
            Copy as a custom role
          </Button>
        )}
        {!harnessManaged && can('core_role_edit') && (
          <Button variant="default" onClick={() => onEdit(row)}>
            Edit
          </Button>
        )}
        {!harnessManaged && can('core_role_delete') && (
          <Button color="red" variant="outline" onClick={() => onDelete(row)}>
            Delete
          </Button>
        )}
      </Group>
    </Stack>
  );
}
