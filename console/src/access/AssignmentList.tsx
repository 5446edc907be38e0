import { Badge, Button, Group, Text } from '@mantine/core';
import { useState } from 'react';

import { type Page, platform } from '../api';
import { useSession } from '../session';
import { KINDS, type Place, placeName, type Principal, type PrincipalType, scopeOf } from './access';
import { tell, usePlatformPost, useRefresh } from '../ui/calls';
import { Confirm } from '../ui/Confirm';
import { FormModal } from '../ui/FormModal';
import { type Column, Listing } from '../ui/Listing';
import { NameAndId } from '../ui/NameAndId';
import { YesNo } from '../ui/words';

interface Named {
  identifier: string;
  name: string;
}

interface Assignment {
  identifier: string;
  principal: { type: PrincipalType; identifier: string; name?: string | null; email?: string | null; scopeLevel?: string | null };
  disabled: boolean;
  role?: Named | null;
  resourceGroup?: Named | null;
  scope: Place;
  harnessManaged: boolean;
}

export interface AssignmentFilter {
  principalFilter?: Principal;
  principalTypeFilter?: PrincipalType[];
  roleFilter?: string[];
}

interface Props {
  filter: AssignmentFilter;
  /** Also of the scopes below the chosen one. */
  below: boolean;
  /** Not where all are of one. */
  ofAll?: boolean;
  empty: string;
}

const SIZE = 25;

/** Role assignments of the chosen scope, and what can be done with each. */
export function AssignmentList({ filter, below, ofAll = true, empty }: Props) {
  const { credential, scope, can } = useSession();
  const [page, setPage] = useState(1);
  const [switching, setSwitching] = useState<Assignment>();
  const [removing, setRemoving] = useState<Assignment>();
  const here = {
    accountIdentifier: credential.account,
    orgIdentifier: scope.org,
    projectIdentifier: scope.project,
    filter: below ? 'INCLUDING_CHILD_SCOPES' : 'EXCLUDING_CHILD_SCOPES',
  };
  const { data, error, isPending } = usePlatformPost<Page<Assignment>>(
    '/authz/api/roleassignments/v2/filter',
    { ...filter, scopeFilters: [here] },
    { query: { pageIndex: page - 1, pageSize: SIZE, sortOrders: 'createdAt,DESC' }, scope, keep: true },
  );
  const columns: Column<Assignment>[] = [
    ...(ofAll ? [{ title: 'Principal', cell: (one: Assignment) => <Who principal={one.principal} /> }] : []),
    { title: 'Role', cell: ({ role }) => role && <NameAndId name={role.name} id={role.identifier} /> },
    { title: 'Resource group', cell: ({ resourceGroup }) => resourceGroup && <NameAndId name={resourceGroup.name} id={resourceGroup.identifier} /> },
    ...(below ? [{ title: 'Scope', cell: (one: Assignment) => placeName(one.scope) }] : []),
    { title: 'Status', cell: (one) => <YesNo yes={!one.disabled} on="enabled" off="disabled" /> },
    {
      title: 'Actions',
      cell: (one) =>
        can(KINDS[one.principal.type].manage) &&
        !one.harnessManaged && (
          <Group gap={4} wrap="nowrap" justify="flex-end">
            <Button size="compact-xs" variant="default" onClick={() => setSwitching(one)} aria-label={`${one.disabled ? 'Enable' : 'Disable'} ${told(one)}`}>
              {one.disabled ? 'Enable' : 'Disable'}
            </Button>
            <Button size="compact-xs" variant="default" onClick={() => setRemoving(one)} aria-label={`Remove ${told(one)}`}>
              Remove
            </Button>
          </Group>
        ),
    },
  ];
  return (
    <>
      <Listing
        label="Role assignments"
        columns={columns}
        items={data?.content}
        keyOf={(one) => one.identifier}
        loading={isPending}
        error={error}
        empty={empty}
        {...(data && { pages: { page, total: data.totalPages, items: data.totalItems, onPage: setPage } })}
      />
      <Switching assignment={switching} onClose={() => setSwitching(undefined)} />
      <Removing assignment={removing} onClose={() => setRemoving(undefined)} />
    </>
  );
}

function Who({ principal }: { principal: Assignment['principal'] }) {
  const { type, identifier, name, email } = principal;
  return (
    <>
      <Group gap={6} miw={150}>
        <Text size="sm">{name || identifier}</Text>
        <Badge variant="default" size="sm" tt="none">
          {KINDS[type].name}
        </Badge>
      </Group>
      <Text size="xs" c="dimmed" className="mono" fz="xs">
        {type === 'USER' && email ? email : identifier}
      </Text>
    </>
  );
}

function told({ principal, role }: Assignment): string {
  return `${role?.name ?? 'the role'} of ${principal.name || principal.identifier}`;
}

function useIsMine() {
  const { whoami } = useSession();
  return (one: Assignment | undefined) => one?.principal.identifier === whoami.principal.identifier && one.principal.type === whoami.principal.type;
}

interface Window {
  assignment: Assignment | undefined;
  onClose: () => void;
}

function pathOf({ identifier }: Assignment): string {
  return `/authz/api/roleassignments/${encodeURIComponent(identifier)}`;
}

/** What one may do has changed for somebody, who may be the one who is signed in. */
const CHANGED = ['/authz/api/roleassignments', '/authz/api/roles', '/ng/api/serviceaccount', '/ng/api/user/', 'whoami'];

function Switching({ assignment, onClose }: Window) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const isMine = useIsMine();
  const word = assignment?.disabled ? 'Enable' : 'Disable';
  const run = async () => {
    if (!assignment) return;
    const { role, resourceGroup, principal, disabled } = assignment;
    await platform(credential, pathOf(assignment), {
      method: 'PUT',
      scope: scopeOf(assignment.scope),
      body: {
        identifier: assignment.identifier,
        roleIdentifier: role?.identifier,
        resourceGroupIdentifier: resourceGroup?.identifier,
        principal: { type: principal.type, identifier: principal.identifier, scopeLevel: principal.scopeLevel },
        disabled: !disabled,
      },
    });
    tell(`${role?.name ?? 'The role'} is ${disabled ? 'enabled' : 'disabled'} for ${principal.name || principal.identifier}.`);
    void refresh(...CHANGED);
  };
  return (
    <FormModal opened={assignment !== undefined} onClose={onClose} title={`${word} the role assignment`} action={word} submit={run}>
      <Text size="sm">
        {assignment && <b>{told(assignment)}</b>} {assignment?.disabled ? 'counts again' : 'counts no more, and can be enabled again,'} from the next
        request on.
      </Text>
      {isMine(assignment) && <Text size="sm">It is yours: you may lose what it gives you.</Text>}
    </FormModal>
  );
}

function Removing({ assignment, onClose }: Window) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const isMine = useIsMine();
  const run = async () => {
    if (!assignment) return;
    await platform(credential, pathOf(assignment), { method: 'DELETE', scope: scopeOf(assignment.scope) });
    tell('The role assignment is removed.');
    void refresh(...CHANGED);
  };
  return (
    <Confirm opened={assignment !== undefined} onClose={onClose} title="Remove the role assignment?" action="Remove" run={run}>
      {assignment && <b>{told(assignment)}</b>} on {assignment?.resourceGroup?.name ?? 'its resource group'} is taken away with the next request.
      {isMine(assignment) && ' It is yours: you may lose the right to give it back.'}
    </Confirm>
  );
}
