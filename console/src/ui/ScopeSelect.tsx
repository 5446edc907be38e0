import { Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useState } from 'react';

import type { Page, Query, Scope } from '../api';
import { useSession } from '../session';
import { usePlatform } from './calls';

interface Organization {
  organization: { identifier: string; name: string };
}

interface Project {
  project: { identifier: string; name: string; orgIdentifier: string };
}

/** As many are there without a search; of more the server finds the others. */
const SHOWN = 500;
const FOUND = 50;

function useOrganizations(query: Query, enabled = true) {
  return usePlatform<Page<Organization>>('/ng/api/organizations', { query: { sortOrders: 'name,ASC', ...query }, enabled });
}

function useProjects(query: Query, enabled = true, scope: Scope = {}) {
  return usePlatform<Page<Project>>('/ng/api/projects', { query: { sortOrders: 'name,ASC', ...query }, scope, enabled });
}

function isCut(page: Page<unknown> | undefined): boolean {
  return page !== undefined && page.totalItems > page.content.length;
}

/** The organizations and projects to choose from: the first ones, what was searched for, and the place that is chosen. */
function usePlaces(typed: string, chosen: Scope) {
  const first = { organizations: useOrganizations({ pageSize: SHOWN }), projects: useProjects({ pageSize: SHOWN }) };
  // Of “Sales / Web” the project is what a name is searched for.
  const [searchTerm] = useDebouncedValue(typed.split('/').at(-1)?.trim() ?? '', 250);
  const more = searchTerm !== '' && (isCut(first.organizations.data) || isCut(first.projects.data));
  const found = { organizations: useOrganizations({ pageSize: FOUND, searchTerm }, more), projects: useProjects({ pageSize: FOUND, searchTerm }, more) };
  const { org, project } = chosen;
  const own = useProjects({ identifiers: project }, project !== undefined, { org });
  const projects = [first.projects, found.projects, own].flatMap(({ data }) => data?.content ?? []);
  const known = [first.organizations, found.organizations].flatMap(({ data }) => data?.content ?? []);
  const wanted = new Set([...projects.map((one) => one.project.orgIdentifier), ...(org ? [org] : [])]);
  for (const { organization } of known) wanted.delete(organization.identifier);
  const identifiers = [...wanted].sort().slice(0, FOUND);
  const theirs = useOrganizations({ identifiers, pageSize: FOUND }, first.organizations.data !== undefined && identifiers.length > 0);
  return { organizations: [...known, ...(theirs.data?.content ?? [])], projects, searching: more && found.projects.isPending };
}

/** Where the pages look that have scopes: the account, an organization, or a project. `narrow`: for a screen that has no room beside the title. */
export function ScopeSelect({ narrow = false }: { narrow?: boolean }) {
  const { scope, setScope } = useSession();
  const [typed, setTyped] = useState('');
  const { organizations, projects, searching } = usePlaces(typed, scope);
  const names = new Map(organizations.map(({ organization }) => [organization.identifier, organization.name]));
  const labels = new Map([[key({}), 'Account']]);
  for (const [org, name] of names) {
    labels.set(key({ org }), name);
    for (const { project } of projects) {
      if (project.orgIdentifier === org) labels.set(key({ org, project: project.identifier }), `${name} / ${project.name}`);
    }
  }
  // Who may not see its name sees where he is all the same.
  if (!labels.has(key(scope))) labels.set(key(scope), [scope.org, scope.project].filter(Boolean).join(' / '));
  return (
    <Select
      aria-label="Scope"
      size="xs"
      {...(narrow ? { hiddenFrom: 'xs', m: 'xs' } : { visibleFrom: 'xs', w: 220 })}
      data={[...labels].map(([value, label]) => ({ value, label }))}
      value={key(scope)}
      onChange={(value) => setScope(value ? (JSON.parse(value) as Scope) : {})}
      allowDeselect={false}
      searchable
      onSearchChange={setTyped}
      nothingFoundMessage={searching ? 'Searching…' : 'Nothing found'}
    />
  );
}

function key({ org, project }: Scope): string {
  return JSON.stringify({ ...(org && { org }), ...(project && { project }) });
}
