import { Checkbox, Fieldset, Group, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';

import { grouped, type Permission } from './roles';

interface Props {
  permissions: Permission[];
  value: string[];
  onChange: (permissions: string[]) => void;
}

/** The permissions that a role of this level can have, by the type of resource that they are asked of. */
export function PermissionPicker({ permissions, value, onChange }: Props) {
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const shown = permissions.filter((one) => `${one.identifier} ${one.name} ${one.resourceType}`.toLowerCase().includes(wanted));
  const chosen = new Set(value);
  const set = (identifiers: string[], on: boolean) =>
    onChange(on ? [...new Set([...value, ...identifiers])] : value.filter((one) => !identifiers.includes(one)));
  return (
    <Stack gap="xs">
      <Group justify="space-between" align="flex-end">
        <TextInput label="Permissions" placeholder="Narrow by name or type" value={text} onChange={(event) => setText(event.currentTarget.value)} w={280} />
        <Text size="sm" c="dimmed">
          {value.length} of {permissions.length} chosen
        </Text>
      </Group>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="xs" mah={360} p={2} style={{ overflow: 'auto' }}>
        {grouped(shown).map(([type, group]) => {
          const identifiers = group.map((one) => one.identifier);
          const held = identifiers.filter((one) => chosen.has(one)).length;
          return (
            <Fieldset
              key={type}
              p="xs"
              legend={
                <Checkbox
                  size="xs"
                  label={type}
                  aria-label={`All of ${type}`}
                  checked={held === identifiers.length}
                  indeterminate={held > 0 && held < identifiers.length}
                  onChange={(event) => set(identifiers, event.currentTarget.checked)}
                />
              }
            >
              <Stack gap={6}>
                {group.map((one) => (
                  <Checkbox
                    key={one.identifier}
                    size="xs"
                    label={one.name}
                    description={one.identifier}
                    checked={chosen.has(one.identifier)}
                    onChange={(event) => set([one.identifier], event.currentTarget.checked)}
                  />
                ))}
              </Stack>
            </Fieldset>
          );
        })}
      </SimpleGrid>
      {shown.length === 0 && (
        <Text size="sm" c="dimmed">
          None matches.
        </Text>
      )}
    </Stack>
  );
}
