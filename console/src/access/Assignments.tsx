import { Button, Checkbox, Group, Select } from '@mantine/core';
import { useState } from 'react';

import { useSession } from '../session';
import { type Choice, KIND_NAMES, KINDS, principalOf, principalSource, type PrincipalType, roleSource } from './access';
import { AssignForm } from './AssignForm';
import { AssignmentList } from './AssignmentList';
import { PageFrame } from '../ui/PageFrame';
import { RemoteSelect } from './RemoteSelect';

/** Who has which role on what. */
export function Assignments() {
  const { scope } = useSession();
  // What was chosen in one scope may not be there in another.
  return <InScope key={JSON.stringify(scope)} />;
}

function InScope() {
  const { scope, can } = useSession();
  const [type, setType] = useState<PrincipalType | null>(null);
  const [principal, setPrincipal] = useState<Choice | null>(null);
  const [role, setRole] = useState<Choice | null>(null);
  const [below, setBelow] = useState(false);
  const [giving, setGiving] = useState(false);
  const kinds = KIND_NAMES.filter((kind) => can(KINDS[kind].view));
  const filter = {
    ...(type && { principalTypeFilter: [type] }),
    ...(type && principal && { principalFilter: principalOf(type, principal) }),
    ...(role && { roleFilter: [role.value] }),
  };
  return (
    <PageFrame
      title="Role assignments"
      about="A role assignment gives a principal a role on a resource group, in a scope."
      actions={KIND_NAMES.some((kind) => can(KINDS[kind].manage)) && <Button onClick={() => setGiving(true)}>Give a role</Button>}
    >
      <Group align="flex-end" gap="sm">
        <Select
          label="Kind of principal"
          placeholder="Any"
          data={kinds.map((kind) => ({ value: kind, label: KINDS[kind].name }))}
          value={type}
          onChange={(value) => {
            setType(value as PrincipalType | null);
            setPrincipal(null);
          }}
          clearable
          clearButtonProps={{ 'aria-label': 'Any kind' }}
          w={180}
        />
        {type && (
          <RemoteSelect
            key={type}
            label={KINDS[type].name}
            placeholder="Any"
            source={principalSource(type, scope)}
            value={principal}
            onChange={setPrincipal}
            clearable
          />
        )}
        {can('core_role_view') && <RemoteSelect label="Role" placeholder="Any" source={roleSource(scope)} value={role} onChange={setRole} clearable />}
        {!scope.project && (
          <Checkbox label="Also of the scopes below" checked={below} onChange={(event) => setBelow(event.currentTarget.checked)} mb={8} />
        )}
      </Group>
      <AssignmentList
        key={JSON.stringify([filter, below])}
        filter={filter}
        below={below}
        empty={type || role ? 'None matches.' : 'There are no role assignments in this scope.'}
      />
      <AssignForm opened={giving} onClose={() => setGiving(false)} />
    </PageFrame>
  );
}
