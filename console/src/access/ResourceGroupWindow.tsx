import { Button, Group, Modal, Stack } from '@mantine/core';
import type { ReactNode } from 'react';

import { useSession } from '../session';
import { includedScopes, type ResourceGroupRow } from './resourceGroups';
import { Facts, Id, Tags, YesNo } from '../ui/words';

interface Props {
  row: ResourceGroupRow | undefined;
  onClose: () => void;
  onEdit: (row: ResourceGroupRow) => void;
  onDelete: (row: ResourceGroupRow) => void;
}

/** A resource group with what it holds. */
export function ResourceGroupWindow({ row, onClose, onEdit, onDelete }: Props) {
  const { can } = useSession();
  return (
    <Modal opened={row !== undefined} onClose={onClose} title={row?.resourceGroup.name ?? 'Resource group'} size="lg">
      {row && (
        <Stack>
          <Inside row={row} />
          {!row.harnessManaged && (
            <Group justify="flex-end">
              {can('core_resourcegroup_edit') && (
                <Button variant="default" onClick={() => onEdit(row)}>
                  Edit
                </Button>
              )}
              {can('core_resourcegroup_delete') && (
                <Button color="red" variant="outline" onClick={() => onDelete(row)}>
                  Delete
                </Button>
              )}
            </Group>
          )}
        </Stack>
      )}
    </Modal>
  );
}

function Inside({ row: { resourceGroup, harnessManaged } }: { row: ResourceGroupRow }) {
  const { includeAllResources, resources = [] } = resourceGroup.resourceFilter ?? { includeAllResources: false };
  return (
    <Facts
      facts={[
        ['Identifier', <Id key="id">{resourceGroup.identifier}</Id>],
        ['Kind', <YesNo key="kind" yes={!harnessManaged} on="custom" off="managed" />],
        ['Description', resourceGroup.description || '–'],
        ['Included scopes', <Tags key="scopes" words={includedScopes(resourceGroup)} />],
        ...(includeAllResources
          ? [['Resources', 'all resource types'] as [string, string]]
          : resources.map(
              ({ resourceType, identifiers }): [string, ReactNode] => [
                resourceType,
                identifiers && identifiers.length > 0 ? <Some key={resourceType} identifiers={identifiers} /> : 'the whole type',
              ],
            )),
      ]}
    />
  );
}

function Some({ identifiers }: { identifiers: string[] }) {
  return (
    <Stack gap={2}>
      {identifiers.map((one) => (
        <Id key={one}>{one}</Id>
      ))}
    </Stack>
  );
}
