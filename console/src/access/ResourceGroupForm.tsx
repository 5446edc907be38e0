import { TextInput } from '@mantine/core';

import { platform, type Scope } from '../api';
import { useSession } from '../session';
import { tell, useRefresh } from '../ui/calls';
import { FormModal } from '../ui/FormModal';
import { IncludedScopesField, placeOf } from './IncludedScopesField';
import { chosenIdentifier, NewName } from '../ui/NewName';
import { type IncludedScope, onlyHome, type ResourceGroup, type ResourceGroupRow } from './resourceGroups';
import { type Resources, ResourcesField } from './ResourcesField';
import { useDraft } from '../ui/useDraft';
import type { Editing } from '../ui/useEditing';

interface Props {
  opened: boolean;
  onClose: () => void;
  /** Of one that is there already. */
  editing?: Editing<ResourceGroupRow>;
}

interface Draft {
  name: string;
  identifier: string;
  description: string;
  scopes: IncludedScope[];
  all: boolean;
  resources: Resources;
}

function draftOf(group: ResourceGroup | undefined, home: Scope): Draft {
  const resources: Resources = {};
  for (const { resourceType, identifiers } of group?.resourceFilter?.resources ?? []) {
    resources[resourceType] = (identifiers ?? []).map((value) => ({ value, label: value }));
  }
  return {
    name: group?.name ?? '',
    identifier: group?.identifier ?? '',
    description: group?.description ?? '',
    scopes: group?.includedScopes ?? [{ ...placeOf(home), filter: 'EXCLUDING_CHILD_SCOPES' }],
    all: group?.resourceFilter?.includeAllResources ?? false,
    resources,
  };
}

/** Makes a custom resource group, or changes one. */
export function ResourceGroupForm({ opened, onClose, editing }: Props) {
  const { credential, scope } = useSession();
  const refresh = useRefresh();
  const group = editing?.edited?.resourceGroup;
  const [draft, setDraft] = useDraft(opened, () => draftOf(group, scope));
  const byIdentifier = onlyHome(draft.scopes, scope);
  const save = async () => {
    const identifier = chosenIdentifier(draft);
    const resources = Object.entries(draft.resources).map(([resourceType, choices]) => ({
      resourceType,
      ...(byIdentifier && choices.length > 0 && { identifiers: choices.map((one) => one.value) }),
    }));
    const resourceGroup = {
      identifier,
      name: draft.name,
      description: draft.description,
      // What is not sent would go.
      ...(group && { color: group.color, tags: group.tags }),
      includedScopes: draft.scopes.map(({ filter, orgIdentifier, projectIdentifier }) => ({
        filter,
        accountIdentifier: credential.account,
        orgIdentifier,
        projectIdentifier,
      })),
      resourceFilter: { includeAllResources: draft.all, resources: draft.all ? [] : resources },
    };
    const base = '/authz/api/v2/resourcegroup';
    const path = editing ? `${base}/${encodeURIComponent(identifier)}` : base;
    const method = editing ? 'PUT' : 'POST';
    await platform(credential, path, { method, body: { resourceGroup }, scope, ...(editing && { headers: editing.headers }) });
    tell(`The resource group ${draft.name} is ${editing ? 'saved' : 'made'}.`);
    void refresh(base, '/authz/api/roleassignments', 'whoami');
  };
  const reload = editing && (async () => setDraft(draftOf((await editing.reload())?.resourceGroup, scope)));
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={editing ? 'Edit the resource group' : 'New resource group'}
      action={editing ? 'Save' : 'Create'}
      submit={save}
      reload={reload}
      size="lg"
    >
      <NewName value={draft} onChange={(value) => setDraft({ ...draft, ...value })} fixed={editing !== undefined} />
      <TextInput label="Description" value={draft.description} onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })} />
      <IncludedScopesField home={scope} value={draft.scopes} onChange={(scopes) => setDraft({ ...draft, scopes })} />
      <ResourcesField
        home={scope}
        all={draft.all}
        resources={draft.resources}
        byIdentifier={byIdentifier}
        onChange={(all, resources) => setDraft({ ...draft, all, resources })}
      />
    </FormModal>
  );
}
