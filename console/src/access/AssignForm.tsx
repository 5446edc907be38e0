import { Select, Text } from '@mantine/core';

import { platform } from '../api';
import { useSession } from '../session';
import {
  type Choice, choiceOf, KIND_NAMES, KINDS, levelOf, placeName, type Principal, principalOf, principalSource, type PrincipalType, resourceGroupSource, roleSource,
} from './access';
import { tell, useRefresh } from '../ui/calls';
import { FormModal } from '../ui/FormModal';
import { RemoteMulti, RemoteSelect } from './RemoteSelect';
import { useDraft } from '../ui/useDraft';

interface Props {
  opened: boolean;
  onClose: () => void;
  /** Whose page it is; without it one chooses whom. */
  principal?: Principal & { name: string };
}

/** One request asks for this many at most. */
const AT_ONCE = 100;

const ALL: Record<string, Choice> = {
  account: { value: '_all_account_level_resources', label: 'All Account Level Resources' },
  organization: { value: '_all_organization_level_resources', label: 'All Organization Level Resources' },
  project: { value: '_all_project_level_resources', label: 'All Project Level Resources' },
};

/** Gives a role on a resource group, in the chosen scope, to one or several. */
export function AssignForm({ opened, onClose, principal }: Props) {
  const { credential, scope, can } = useSession();
  const refresh = useRefresh();
  const kinds = KIND_NAMES.filter((kind) => can(KINDS[kind].manage));
  const [draft, setDraft] = useDraft(opened, () => ({
    type: kinds[0] ?? ('USER' as PrincipalType),
    principals: [] as Choice[],
    role: null as Choice | null,
    resourceGroup: ALL[levelOf(scope)] ?? null,
  }));

  const assign = async () => {
    const { role, resourceGroup } = draft;
    const chosen: Principal[] = principal
      ? [{ type: principal.type, identifier: principal.identifier, ...(principal.scopeLevel && { scopeLevel: principal.scopeLevel }) }]
      : draft.principals.map((choice) => principalOf(draft.type, choice));
    if (!role || !resourceGroup || chosen.length === 0) throw new Error('Choose who gets the role, the role, and a resource group.');
    const bodies = chosen.map((one) => ({ roleIdentifier: role.value, resourceGroupIdentifier: resourceGroup.value, principal: one }));
    const post = <T,>(path: string, body: unknown) => platform<T>(credential, path, { method: 'POST', body, scope });
    if (bodies.length === 1) {
      await post('/authz/api/roleassignments', bodies[0]);
    } else {
      const made = await post<{ roleAssignment: { principal: Principal } }[]>('/authz/api/roleassignments/multi', { roleAssignments: bodies });
      const done = new Set(made.map((one) => choiceOf(one.roleAssignment.principal)));
      void refresh('/authz/api/roleassignments');
      const left = draft.principals.filter((choice) => !done.has(choice.value));
      if (left[0]) {
        // Those who are left stay chosen. It does not say why of any; asked for alone, the first one says it.
        setDraft({ ...draft, principals: left });
        const first = principalOf(draft.type, left[0]);
        await post('/authz/api/roleassignments', { roleIdentifier: role.value, resourceGroupIdentifier: resourceGroup.value, principal: first });
        setDraft({ ...draft, principals: left.slice(1) });
        if (left.length > 1) throw new Error('Some are left. Try again with those.');
      }
    }
    tell(chosen.length === 1 ? `${role.label} is given.` : `${role.label} is given to ${chosen.length}.`);
    void refresh('/authz/api/roleassignments', '/authz/api/roles', '/ng/api/serviceaccount', '/ng/api/user/', 'whoami');
  };

  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title="Give a role"
      action="Give"
      submit={assign}
      disabled={!draft.role || !draft.resourceGroup || (!principal && draft.principals.length === 0)}
    >
      <Text size="sm" c="dimmed">
        {principal ? `To ${principal.name}, in` : 'In'} the scope chosen above: {placeName({ orgIdentifier: scope.org ?? null, projectIdentifier: scope.project ?? null })}.
      </Text>
      {!principal && (
        <>
          <Select
            label="Kind of principal"
            data={kinds.map((kind) => ({ value: kind, label: KINDS[kind].name }))}
            value={draft.type}
            onChange={(type) => setDraft({ ...draft, type: (type as PrincipalType | null) ?? draft.type, principals: [] })}
            allowDeselect={false}
          />
          <RemoteMulti
            key={draft.type}
            label={`${KINDS[draft.type].name}s`}
            source={principalSource(draft.type, scope)}
            value={draft.principals}
            onChange={(principals) => setDraft({ ...draft, principals })}
            max={AT_ONCE}
            required
          />
        </>
      )}
      <RemoteSelect label="Role" source={roleSource(scope)} value={draft.role} onChange={(role) => setDraft({ ...draft, role })} required />
      <RemoteSelect
        label="Resource group"
        description="On which things the role holds."
        source={resourceGroupSource(scope)}
        value={draft.resourceGroup}
        onChange={(resourceGroup) => setDraft({ ...draft, resourceGroup })}
        required
      />
    </FormModal>
  );
}
