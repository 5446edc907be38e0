import { Button, Group, MultiSelect, SimpleGrid, Stack } from '@mantine/core';

import { filterText } from '../ui/filterText';

export interface AuditFilter {
  types: string[];
  actions: string[];
  principal: string;
  since: string;
  until: string;
}

export const NO_AUDIT_FILTER: AuditFilter = { types: [], actions: [], principal: '', since: '', until: '' };

const TYPES = [
  'ACCOUNT',
  'API_KEY',
  'JWT_TRUST',
  'ORGANIZATION',
  'PROJECT',
  'RESOURCE_GROUP',
  'ROLE',
  'ROLE_ASSIGNMENT',
  'SCIM_RESOURCE',
  'SCIM_RESOURCE_TYPE',
  'SCIM_SCHEMA',
  'SERVICE_ACCOUNT',
  'SETTING',
  'TOKEN',
  'USER',
  'USER_GROUP',
  'WEBHOOK',
];

const ACTIONS = [
  'CREATE',
  'UPDATE',
  'RESTORE',
  'DELETE',
  'CREATE_TOKEN',
  'REVOKE_TOKEN',
  'ROLE_ASSIGNMENT_CREATED',
  'ROLE_ASSIGNMENT_UPDATED',
  'ROLE_ASSIGNMENT_DELETED',
];

export function auditNarrowed({ types, actions, principal, since, until }: AuditFilter): boolean {
  return types.length + actions.length > 0 || Boolean(principal || since || until);
}

export function AuditFilters({ value, onChange }: { value: AuditFilter; onChange: (filter: AuditFilter) => void }) {
  const text = filterText(value, onChange);
  return (
    <Stack gap="xs" component="section" aria-label="Filters">
      <SimpleGrid cols={{ base: 1, xs: 2, md: 5 }} spacing="xs" verticalSpacing="xs">
        <MultiSelect size="xs" label="Kinds" placeholder={value.types.length ? '' : 'Any'} data={TYPES} value={value.types} onChange={(types) => onChange({ ...value, types })} searchable />
        <MultiSelect
          size="xs"
          label="Actions"
          placeholder={value.actions.length ? '' : 'Any'}
          data={ACTIONS}
          value={value.actions}
          onChange={(actions) => onChange({ ...value, actions })}
          searchable
        />
        {text('principal', 'Who', 'id, e-mail or identifier')}
        {text('since', 'Since', '', 'datetime-local')}
        {text('until', 'Until', '', 'datetime-local')}
      </SimpleGrid>
      {auditNarrowed(value) && (
        <Group>
          <Button variant="subtle" size="compact-xs" onClick={() => onChange(NO_AUDIT_FILTER)}>
            Clear filters
          </Button>
        </Group>
      )}
    </Stack>
  );
}
