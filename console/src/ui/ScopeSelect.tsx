import { Select } from '@mantine/core';

import type { Page, Scope } from '../api';
import { useSession } from '../session';
import { usePlatform } from './calls';

interface Organization {
  organization: { identifier: string; name: string };
}

interface Project {
  project: { identifier: string; name: string; orgIdentifier: string };
}

/** Where the pages look that have scopes: the account, an organization, or a project. `narrow`: for a screen that has no room beside the title. */
export function ScopeSelect({ narrow = false }: { narrow?: boolean }) {
  const { scope, setScope } = useSession();
  const query = { pageSize: 500, sortOrders: 'name,ASC' };
  const organizations = usePlatform<Page<Organization>>('/ng/api/organizations', { query });
  const projects = usePlatform<Page<Project>>('/ng/api/projects', { query });
  const choices = [{ value: key({}), label: 'Account' }];
  for (const { organization } of organizations.data?.content ?? []) {
    choices.push({ value: key({ org: organization.identifier }), label: organization.name });
    for (const { project } of projects.data?.content ?? []) {
      if (project.orgIdentifier !== organization.identifier) continue;
      choices.push({ value: key({ org: organization.identifier, project: project.identifier }), label: `${organization.name} / ${project.name}` });
    }
  }
  return (
    <Select
      aria-label="Scope"
      size="xs"
      {...(narrow ? { hiddenFrom: 'xs', m: 'xs' } : { visibleFrom: 'xs', w: 220 })}
      data={choices}
      value={key(scope)}
      onChange={(value) => setScope(value ? (JSON.parse(value) as Scope) : {})}
      allowDeselect={false}
      searchable
    />
  );
}

function key({ org, project }: Scope): string {
  return JSON.stringify({ ...(org && { org }), ...(project && { project }) });
}
