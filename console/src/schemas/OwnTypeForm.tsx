import { SimpleGrid, Text, TextInput } from '@mantine/core';

import { platform } from '../api';
import { useSession } from '../session';
import { AttributeEditor } from './AttributeEditor';
import { tell, useRefresh } from '../ui/calls';
import { DefinitionForm } from './DefinitionForm';
import { NEW_TYPE, OWN_TYPES, type OwnType } from './scimSchema';
import { useDraft } from '../ui/useDraft';
import type { Editing } from '../ui/useEditing';

/** A new resource type, or one in the place of what is edited. */
export function OwnTypeForm({ opened, close, edited: replaced, headers, reload }: Editing<OwnType>) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const [draft, setDraft] = useDraft<OwnType>(opened, () => replaced ?? NEW_TYPE);
  const path = replaced ? `${OWN_TYPES}/${encodeURIComponent(replaced.name)}` : OWN_TYPES;
  const schema = draft.schema ?? NEW_TYPE.schema;
  const extensions = (draft.schemaExtensions ?? []).map((one) => one.name);
  return (
    <DefinitionForm
      opened={opened}
      onClose={close}
      title={replaced ? `Replace ${replaced.name}` : 'New resource type'}
      action={replaced ? 'Replace' : 'Create'}
      value={draft}
      onChange={setDraft}
      reload={reload}
      submit={async (body) => {
        await platform(credential, path, { method: replaced ? 'PUT' : 'POST', body, headers });
        tell(replaced ? 'The resource type is replaced.' : 'The resource type is there.');
        void refresh(OWN_TYPES, 'scim:/Schemas', 'scim:/ResourceTypes');
      }}
    >
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput
          label="Name"
          description={replaced ? 'It stays as it is.' : 'Such as Device'}
          value={draft.name}
          readOnly={replaced !== undefined}
          onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
          data-autofocus
        />
        <TextInput
          label="Endpoint"
          description={replaced ? 'It stays as it is.' : 'Such as /Devices'}
          value={draft.endpoint}
          readOnly={replaced !== undefined}
          onChange={(event) => setDraft({ ...draft, endpoint: event.currentTarget.value })}
        />
        <TextInput label="Name of the schema" value={schema.name} onChange={(event) => setDraft({ ...draft, schema: { ...schema, name: event.currentTarget.value } })} />
        <TextInput label="Description" value={draft.description ?? ''} onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })} />
      </SimpleGrid>
      <TextInput
        label="URN of the schema"
        description={replaced ? 'It stays as it is.' : 'Such as urn:example:params:scim:schemas:device:1.0:Device'}
        classNames={{ input: 'mono' }}
        value={schema.id}
        readOnly={replaced !== undefined}
        onChange={(event) => setDraft({ ...draft, schema: { ...schema, id: event.currentTarget.value } })}
      />
      <AttributeEditor attributes={schema.attributes ?? []} onChange={(attributes) => setDraft({ ...draft, schema: { ...schema, attributes } })} />
      <Text size="sm" c="dimmed">
        {extensions.length > 0 ? `Its extensions (${extensions.join(', ')}) stay as they are; they are written as JSON.` : 'Extensions of the type are written as JSON.'}
      </Text>
    </DefinitionForm>
  );
}
