import { TextInput } from '@mantine/core';

import { platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Failure } from '../ui/Failure';
import { FormModal } from '../ui/FormModal';
import { chosenIdentifier, NewName } from '../ui/NewName';
import { PermissionPicker } from './PermissionPicker';
import type { Permission, Role, RoleRow } from './roles';
import { useDraft } from '../ui/useDraft';
import type { Editing } from '../ui/useEditing';

interface Props {
  opened: boolean;
  onClose: () => void;
  /** What it begins with: the role that is edited, or the one that is copied. */
  role?: Role | undefined;
  /** Of one that is there already. */
  editing?: Editing<RoleRow>;
}

function draftOf(role: Role | undefined, editing: boolean) {
  return {
    name: role ? (editing ? role.name : `${role.name} copy`) : '',
    identifier: role && editing ? role.identifier : '',
    description: role?.description ?? '',
    permissions: role?.permissions ?? [],
  };
}

/** Makes a custom role, or changes one. */
export function RoleForm({ opened, onClose, role, editing }: Props) {
  const { credential, scope } = useSession();
  const refresh = useRefresh();
  const { data, error } = usePlatform<{ permission: Permission }[]>('/authz/api/permissions', { scope, enabled: opened });
  const [draft, setDraft] = useDraft(opened, () => draftOf(role, editing !== undefined));
  const save = async () => {
    const identifier = chosenIdentifier(draft);
    const path = editing ? `/authz/api/roles/${encodeURIComponent(identifier)}` : '/authz/api/roles';
    // Tags that are not sent would go.
    const body = { ...draft, identifier, ...(editing && role && { tags: role.tags }) };
    await platform(credential, path, { method: editing ? 'PUT' : 'POST', body, scope, ...(editing && { headers: editing.headers }) });
    tell(editing ? `The role ${draft.name} is saved.` : `The role ${draft.name} is made.`);
    void refresh('/authz/api/roles', '/authz/api/roleassignments', 'whoami');
  };
  const reload = editing && (async () => setDraft(draftOf((await editing.reload())?.role, true)));
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={editing ? 'Edit the role' : 'New role'}
      action={editing ? 'Save' : 'Create'}
      submit={save}
      reload={reload}
      size="xl"
    >
      <NewName value={draft} onChange={(value) => setDraft({ ...draft, ...value })} fixed={editing !== undefined} />
      <TextInput label="Description" value={draft.description} onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })} />
      <Failure error={error} title="The permissions could not be loaded" />
      <PermissionPicker
        permissions={(data ?? []).map((one) => one.permission)}
        value={draft.permissions}
        onChange={(permissions) => setDraft({ ...draft, permissions })}
      />
    </FormModal>
  );
}
