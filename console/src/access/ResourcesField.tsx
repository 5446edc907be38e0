import { Checkbox, Group, Radio, Stack, Text } from '@mantine/core';

import type { Scope } from '../api';
import { type Choice, groupSource, organizationSource, resourceGroupSource, roleSource, serviceAccountSource, type Source, userSource } from './access';
import { usePlatform } from '../ui/calls';
import { Failure } from '../ui/Failure';
import { RemoteMulti } from './RemoteSelect';
import type { ResourceType } from './resourceGroups';

/** The chosen types; without choices the whole type. */
export type Resources = Record<string, Choice[]>;

interface Props {
  home: Scope;
  all: boolean;
  resources: Resources;
  /** Whether things can be named one by one. */
  byIdentifier: boolean;
  onChange: (all: boolean, resources: Resources) => void;
}

function sourceOf(type: string, home: Scope): Source | undefined {
  switch (type) {
    case 'USER':
      return userSource(home);
    case 'USERGROUP':
      return groupSource(home);
    case 'SERVICEACCOUNT':
      return serviceAccountSource(home);
    case 'ROLE':
      return roleSource(home);
    case 'RESOURCEGROUP':
      return resourceGroupSource(home);
    case 'ORGANIZATION':
      return home.org ? undefined : organizationSource();
    default:
      return undefined;
  }
}

/** Which things a resource group holds: all, or types of them, or some of a type. */
export function ResourcesField({ home, all, resources, byIdentifier, onChange }: Props) {
  const { data, error } = usePlatform<{ resourceTypes: ResourceType[] }>('/authz/api/resourcetype', { scope: home });
  const set = (type: string, choices: Choice[] | undefined) => {
    const { [type]: _, ...others } = resources;
    onChange(false, choices ? { ...others, [type]: choices } : others);
  };
  return (
    <>
      <Radio.Group label="Resources" value={all ? 'all' : 'some'} onChange={(value) => onChange(value === 'all', resources)}>
        <Group mt={4}>
          <Radio value="all" label="All resource types" />
          <Radio value="some" label="Chosen ones" />
        </Group>
      </Radio.Group>
      {!all && (
        <Stack gap={8} role="group" aria-label="Resource types">
          <Failure error={error} title="The resource types could not be loaded" />
          {data?.resourceTypes.map(({ name, validatorTypes }) => {
            const chosen = resources[name];
            const source = byIdentifier && validatorTypes.includes('STATIC') ? sourceOf(name, home) : undefined;
            return (
              <div key={name}>
                <Checkbox label={name} checked={chosen !== undefined} onChange={(event) => set(name, event.currentTarget.checked ? [] : undefined)} />
                {chosen && source && (
                  <div style={{ margin: '4px 0 4px 32px' }}>
                    <RemoteMulti label={`Which of ${name}`} placeholder="All of them" source={source} value={chosen} onChange={(choices) => set(name, choices)} />
                  </div>
                )}
              </div>
            );
          })}
          {!byIdentifier && (
            <Text size="xs" c="dimmed">
              Whole types only: things can be named one by one only in “this scope only”.
            </Text>
          )}
        </Stack>
      )}
    </>
  );
}
