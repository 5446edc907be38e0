import { TagsInput, Textarea, TextInput } from '@mantine/core';

import { identifierFrom } from '../ui/identifier';
import { FormModal } from '../ui/FormModal';
import { useDraft } from '../ui/useDraft';

/** What organizations and projects have alike. */
export interface Place {
  identifier: string;
  name: string;
  description?: string | null;
  tags?: Record<string, string> | null;
}

interface Props {
  opened: boolean;
  onClose: () => void;
  /** What it is called: organization, project. */
  what: string;
  /** Changed, or made without one. */
  place?: Place | undefined;
  save: (place: Place) => Promise<unknown>;
  /** What is stored of it by now. */
  reload: () => Promise<Place | undefined>;
}

function tagsOf(words: string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      return at < 0 ? [word.trim(), ''] : [word.slice(0, at).trim(), word.slice(at + 1).trim()];
    }),
  );
}

function draftOf(place: Place | undefined) {
  return {
    name: place?.name ?? '',
    // Follows the name until it is written by hand.
    identifier: undefined as string | undefined,
    description: place?.description ?? '',
    tags: Object.entries(place?.tags ?? {}).map(([name, value]) => (value ? `${name}=${value}` : name)),
  };
}

export function PlaceForm({ opened, onClose, what, place, save, reload }: Props) {
  const [draft, setDraft] = useDraft(opened, () => draftOf(place));
  const identifier = place?.identifier ?? draft.identifier ?? identifierFrom(draft.name);
  const submit = () => save({ identifier, name: draft.name, description: draft.description, tags: tagsOf(draft.tags) });
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title={place ? `Edit ${what} ${place.identifier}` : `New ${what}`}
      action={place ? 'Save' : 'Create'}
      submit={submit}
      reload={async () => setDraft(draftOf(await reload()))}
    >
      <TextInput
        label="Name"
        value={draft.name}
        onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
        required
        data-autofocus
      />
      {!place && (
        <TextInput
          label="Identifier"
          description="It never changes."
          value={identifier}
          onChange={(event) => setDraft({ ...draft, identifier: event.currentTarget.value })}
          required
          spellCheck={false}
        />
      )}
      <Textarea
        label="Description"
        autosize
        value={draft.description}
        onChange={(event) => setDraft({ ...draft, description: event.currentTarget.value })}
      />
      <TagsInput
        label="Tags"
        description="name or name=value, each ended by Enter."
        value={draft.tags}
        onChange={(tags) => setDraft({ ...draft, tags })}
        acceptValueOnBlur
      />
    </FormModal>
  );
}
