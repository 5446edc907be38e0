/** Resource groups, with the members that the pages use. */
import type { Scope } from '../api';
import { type Place, placeName, sameScope, scopeOf } from './access';

export interface IncludedScope extends Place {
  filter: 'EXCLUDING_CHILD_SCOPES' | 'INCLUDING_CHILD_SCOPES';
}

export interface ResourceSelector {
  resourceType: string;
  identifiers?: string[] | null;
}

/** Absent members are left out of answers. */
export interface ResourceGroup extends Place {
  identifier: string;
  name: string;
  color?: string;
  description?: string | null;
  tags?: Record<string, string>;
  includedScopes?: IncludedScope[];
  resourceFilter?: { includeAllResources: boolean; resources?: ResourceSelector[] };
}

export interface ResourceGroupRow {
  resourceGroup: ResourceGroup;
  harnessManaged: boolean;
  lastModifiedAt: number | null;
}

/** The types by identifier are of the group's own scope; those of a scope as a whole have none to choose. */
export interface ResourceType {
  name: string;
  validatorTypes: string[];
}

export function includedScopes(group: ResourceGroup): string[] {
  const scopes = group.includedScopes ?? [];
  const home = scopeOf(group);
  return scopes.map((one) => {
    const name = sameScope(scopeOf(one), home) ? 'this scope' : placeName(one);
    return one.filter === 'INCLUDING_CHILD_SCOPES' ? `${name} and those below` : name;
  });
}

export function resourcesOf({ resourceFilter }: ResourceGroup): string[] {
  if (resourceFilter?.includeAllResources) return ['all resource types'];
  return (resourceFilter?.resources ?? []).map(({ resourceType, identifiers }) =>
    identifiers && identifiers.length > 0 ? `${resourceType} (${identifiers.length})` : resourceType,
  );
}

/** The group's own scope alone: only there can resources be named one by one. */
export function onlyHome(scopes: IncludedScope[], home: Scope): boolean {
  return scopes.every((one) => one.filter === 'EXCLUDING_CHILD_SCOPES' && sameScope(scopeOf(one), home));
}
