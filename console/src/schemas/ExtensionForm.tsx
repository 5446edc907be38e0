import { NativeSelect, SimpleGrid, Switch, TextInput } from '@mantine/core';

import { platform } from '../api';
import { useSession } from '../session';
import { AttributeEditor } from './AttributeEditor';
import { tell, useRefresh } from '../ui/calls';
import { DefinitionForm } from './DefinitionForm';
import { type Extension, EXTENSIONS, NEW_EXTENSION } from './scimSchema';
import { useDraft } from '../ui/useDraft';
import type { Editing } from '../ui/useEditing';

/** A new extension of users or groups, or one in the place of what is edited. */
export function ExtensionForm({ opened, close, edited: replaced, headers, reload }: Editing<Extension>) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const [draft, setDraft] = useDraft<Extension>(opened, () => replaced ?? NEW_EXTENSION);
  const path = replaced ? `${EXTENSIONS}/${encodeURIComponent(replaced.id)}` : EXTENSIONS;
  return (
    <DefinitionForm
      opened={opened}
      onClose={close}
      title={replaced ? `Replace ${replaced.name}` : 'New extension'}
      action={replaced ? 'Replace' : 'Create'}
      value={draft}
      onChange={setDraft}
      reload={reload}
      submit={async (body) => {
        await platform(credential, path, { method: replaced ? 'PUT' : 'POST', body, headers });
        tell(replaced ? 'The extension is replaced.' : 'The extension is there.');
        void refresh(EXTENSIONS, 'scim:/Schemas', 'scim:/ResourceTypes');
      }}
    >
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput label="Name" value={draft.name} onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })} data-autofocus />
        <NativeSelect label="Applies to" data={['User', 'Group']} value={draft.appliesTo} onChange={(event) => setDraft({ ...draft, appliesTo: event.currentTarget.value })} />
      </SimpleGrid>
      <TextInput
        label="URN"
        description={replaced ? 'It stays as it is.' : 'Such as urn:example:params:scim:schemas:extension:badge:1.0:User'}
        classNames={{ input: 'mono' }}
        value={draft.id}
        readOnly={replaced !== undefined}
        onChange={(event) => setDraft({ ...draft, id: event.currentTarget.value })}
      />
      <TextInput label="Description" value={draft.description ?? ''} onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })} />
      <Switch
        label="Required: each one that is created has to have it"
        checked={draft.required ?? false}
        onChange={(event) => setDraft({ ...draft, required: event.currentTarget.checked })}
      />
      <AttributeEditor attributes={draft.attributes ?? []} onChange={(attributes) => setDraft({ ...draft, attributes })} />
    </DefinitionForm>
  );
}
