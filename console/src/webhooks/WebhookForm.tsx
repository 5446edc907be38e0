import { MultiSelect, Textarea, TextInput } from '@mantine/core';

import { OF_GROUPS, OF_RESOURCES, OF_USERS } from '../events/eventTypes';
import { useSession } from '../session';
import { FormModal } from '../ui/FormModal';
import { chosenIdentifier, NewName } from '../ui/NewName';
import { useDraft } from '../ui/useDraft';
import { bodyOf, type Webhook, type WebhookBody } from './webhooks';

interface Props<T> {
  opened: boolean;
  onClose: () => void;
  /** Changed, or made without one. */
  webhook?: Webhook;
  save: (body: WebhookBody & { identifier: string }) => Promise<T>;
  onDone?: (made: T) => void;
}

/** Groups of types, of those that the person may read and those that are chosen already. */
function useTypes(chosen: string[]) {
  const { can } = useSession();
  const group = (group: string, types: string[], permission: string) => ({
    group,
    items: types.filter((type) => can(permission) || chosen.includes(type)),
  });
  return [
    group('Users', OF_USERS, 'core_user_view'),
    group('Groups', OF_GROUPS, 'core_usergroup_view'),
    group('Resources of the account’s own types', OF_RESOURCES, 'core_user_view'),
  ].filter(({ items }) => items.length > 0);
}

export function WebhookForm<T>({ opened, onClose, webhook, save, onDone }: Props<T>) {
  const [draft, setDraft] = useDraft(opened, () => ({
    name: webhook?.name ?? '',
    identifier: webhook?.identifier ?? '',
    description: webhook?.description ?? '',
    url: webhook?.url ?? '',
    types: webhook?.types ?? [],
  }));
  const types = useTypes(webhook?.types ?? []);
  const submit = () =>
    save({
      // What is not in the form stays as it was.
      ...(webhook ? bodyOf(webhook) : { enabled: true }),
      identifier: webhook?.identifier ?? chosenIdentifier(draft),
      name: draft.name,
      description: draft.description || null,
      url: draft.url.trim(),
      types: draft.types,
    });
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={webhook ? `Edit webhook ${webhook.identifier}` : 'New webhook'}
      action={webhook ? 'Save' : 'Create'}
      submit={submit}
      size="lg"
      {...(onDone && { onDone })}
    >
      <NewName value={draft} onChange={(value) => setDraft({ ...draft, ...value })} fixed={webhook !== undefined} />
      <TextInput
        label="URL"
        description="Takes the events by POST. https, and what the operator allows by --webhook-allow."
        placeholder="https://app.example.com/hook"
        value={draft.url}
        onChange={(event) => setDraft({ ...draft, url: event.currentTarget.value })}
        classNames={{ input: 'mono' }}
        spellCheck={false}
        required
      />
      <MultiSelect
        label="Types"
        description="None: all. Nobody has events sent that he may not read himself."
        placeholder={draft.types.length ? '' : 'All'}
        data={types}
        value={draft.types}
        onChange={(chosen) => setDraft({ ...draft, types: chosen })}
        maxDropdownHeight={300}
        searchable
        clearable
      />
      <Textarea
        label="Description"
        value={draft.description}
        onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })}
        autosize
        minRows={2}
      />
    </FormModal>
  );
}
