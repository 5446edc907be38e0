import { Button, Checkbox, Group, Paper, Radio, Stack, Text } from '@mantine/core';
import { useState } from 'react';

import type { Scope } from '../api';
import { organizationSource, type Place, placeName, projectSource, sameScope, scopeOf, type Source } from './access';
import { RemoteSelect } from './RemoteSelect';
import { type IncludedScope, onlyHome } from './resourceGroups';

interface Props {
  home: Scope;
  value: IncludedScope[];
  onChange: (scopes: IncludedScope[]) => void;
}

type Mode = 'home' | 'below' | 'chosen';

export function placeOf({ org, project }: Scope): Place {
  return { orgIdentifier: org ?? null, projectIdentifier: project ?? null };
}

function modeOf(value: IncludedScope[], home: Scope): Mode {
  if (onlyHome(value, home) && value.length === 1) return 'home';
  const [one] = value;
  return value.length === 1 && one && sameScope(scopeOf(one), home) ? 'below' : 'chosen';
}

/** Where the things are that a resource group holds. */
export function IncludedScopesField({ home, value, onChange }: Props) {
  const [mode, setMode] = useState<Mode>(() => modeOf(value, home));
  const choose = (next: string) => {
    setMode(next as Mode);
    if (next === 'home') onChange([{ ...placeOf(home), filter: 'EXCLUDING_CHILD_SCOPES' }]);
    if (next === 'below') onChange([{ ...placeOf(home), filter: 'INCLUDING_CHILD_SCOPES' }]);
  };
  // A project has nothing below it.
  if (home.project) return null;
  return (
    <Radio.Group label="Included scopes" value={mode} onChange={choose}>
      <Stack gap={6} mt={4}>
        <Radio value="home" label="This scope only" />
        <Radio value="below" label="This scope and all below" />
        <Radio value="chosen" label="Chosen scopes" />
        {mode === 'chosen' && <Chosen home={home} value={value} onChange={onChange} />}
      </Stack>
    </Radio.Group>
  );
}

/** Organizations and projects together, those of the scope and below. */
function scopesSource(home: Scope): Source {
  const projects = projectSource(home);
  const organizations = organizationSource();
  return {
    path: '/ng/api/organizations',
    kind: 'with projects',
    scope: home,
    ask: async (...asked) => {
      const found = await Promise.all([home.org ? [] : organizations.ask(...asked), projects.ask(...asked)]);
      return found.flat();
    },
  };
}

function Chosen({ home, value, onChange }: Props) {
  const add = (place: Place) => {
    if (value.some((one) => sameScope(scopeOf(one), scopeOf(place)))) return;
    onChange([...value, { ...place, filter: 'EXCLUDING_CHILD_SCOPES' }]);
  };
  const isHome = (one: IncludedScope) => sameScope(scopeOf(one), home);
  return (
    <Paper withBorder p="xs">
      <Stack gap={6}>
        {value.map((one) => {
          const name = isHome(one) ? `${placeName(one)} (this scope)` : placeName(one);
          return (
            <Group key={`${one.orgIdentifier ?? ''}/${one.projectIdentifier ?? ''}`} justify="space-between" gap="xs">
              <Text size="sm">{name}</Text>
              <Group gap="sm">
                {!one.projectIdentifier && (
                  <Checkbox
                    size="xs"
                    label="and those below"
                    aria-label={`${name} and those below`}
                    checked={one.filter === 'INCLUDING_CHILD_SCOPES'}
                    onChange={(event) => {
                      const filter = event.currentTarget.checked ? 'INCLUDING_CHILD_SCOPES' : 'EXCLUDING_CHILD_SCOPES';
                      onChange(value.map((other) => (other === one ? { ...one, filter } : other)));
                    }}
                  />
                )}
                <Button size="compact-xs" variant="default" aria-label={`Leave out ${name}`} onClick={() => onChange(value.filter((other) => other !== one))}>
                  Leave out
                </Button>
              </Group>
            </Group>
          );
        })}
        <Group align="flex-end" gap="xs">
          <RemoteSelect
            key={value.length}
            label="Add an organization or project"
            source={scopesSource(home)}
            value={null}
            onChange={(choice) => choice && add(readPlace(choice.value))}
          />
          {!value.some(isHome) && (
            <Button variant="default" onClick={() => add(placeOf(home))}>
              Add this scope
            </Button>
          )}
        </Group>
      </Stack>
    </Paper>
  );
}

/** Of an organization its identifier, of a project both: neither can have a slash. */
function readPlace(value: string): Place {
  const [org, project] = value.split('/');
  return { orgIdentifier: org ?? null, projectIdentifier: project ?? null };
}
