import { TextInput } from '@mantine/core';

import { platform } from '../api';
import { useSession } from '../session';
import { tell, usePlatform, useRefresh } from '../ui/calls';
import { Failure } from '../ui/Failure';
import { FormModal } from '../ui/FormModal';
import { chosenIdentifier, NewName } from '../ui/NewName';
import { PermissionPicker } from './PermissionPicker';
import type { Permission, Role } from './roles';
import { useDraft } from '../ui/useDraft';

interface Props {
  opened: boolean;
  onClose: () => void;
  /** What it begins with: the role that is edited, or the one that is copied. */
  role?: Role | undefined;
  /** There already. */
  editing?: boolean;
}

/** Makes a custom role, or changes one. */
export function RoleForm({ opened, onClose, role, editing = false }: Props) {
  const { credential, scope } = useSession();
  const refresh = useRefresh();
  const { data, error } = usePlatform<{ permission: Permission }[]>('/authz/api/permissions', { scope, enabled: opened });
  const [draft, setDraft] = useDraft(opened, () => ({
    name: role ? (editing ? role.name : `${role.name} copy`) : '',
    identifier: role && editing ? role.identifier : '',
    description: role?.description ?? '',
    permissions: role?.permissions ?? [],
  }));
  const save = async () => {
    const identifier = chosenIdentifier(draft);
    const path = editing ? `/authz/api/roles/${encodeURIComponent(identifier)}` : '/authz/api/roles';
    // Tags that are not sent would go.
    const body = { ...draft, identifier, ...(editing && role && { tags: role.tags }) };
    await platform(credential, path, { method: editing ? 'PUT' : 'POST', body, scope });
    tell(editing ? `The role ${draft.name} is saved.` : `The role ${draft.name} is made.`);
    void refresh('/authz/api/roles', '/authz/api/roleassignments', 'whoami');
  };
  return (
    <FormModal opened={opened} onClose={onClose} title={editing ? 'Edit the role' : 'New role'} action={editing ? 'Save' : 'Create'} submit={save} size="xl">
      <NewName value={draft} onChange={(value) => setDraft({ ...draft, ...value })} fixed={editing} />
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
