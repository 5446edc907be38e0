import { Text, Textarea } from '@mantine/core';

import { Refused, scim } from '../api';
import { readJson } from '../json';
import { useSession } from '../session';
import { tell, useRefresh } from '../ui/calls';
import { patchOf, type User } from './directory';
import { FormModal } from '../ui/FormModal';
import { useDraft } from '../ui/useDraft';
import { changes, draftOf, UserFields } from './UserFields';

interface Props {
  opened: boolean;
  onClose: () => void;
  user: User;
  /** Of what is shown: a change of another meanwhile is not overwritten. */
  etag: string | undefined;
}

/** Sends a change of a user that holds only for the version it was made from. */
export function useChange(user: User) {
  const { credential } = useSession();
  const refresh = useRefresh();
  return async (method: 'PATCH' | 'PUT', body: unknown, etag: string | undefined) => {
    try {
      await scim(credential, `/Users/${encodeURIComponent(user.id)}`, { method, body, headers: etag ? { 'if-match': etag } : {} });
    } catch (error) {
      // The page behind the form shows what there is now.
      if (error instanceof Refused && error.status === 412) void refresh(`scim:/Users/${user.id}`);
      throw error;
    }
    await refresh('scim:/Users');
  };
}

/** The user as he is stored by now, with his version. */
function useAgain(user: User) {
  const { credential } = useSession();
  return () => scim<User>(credential, `/Users/${encodeURIComponent(user.id)}`);
}

export function EditUser({ opened, onClose, user, etag }: Props) {
  const change = useChange(user);
  const [{ before, version, draft }, setDraft] = useDraft(opened, () => ({ before: user, version: etag, draft: draftOf(user) }));
  const again = useAgain(user);
  const operations = changes(before, draft);
  const save = async () => {
    await change('PATCH', patchOf(operations), version);
    tell('The user is changed.');
  };
  const reload = async () => {
    const { resource, etag: stored } = await again();
    setDraft({ before: resource, version: stored, draft: draftOf(resource) });
  };
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title="Edit user"
      action="Save"
      submit={save}
      reload={reload}
      disabled={operations.length === 0}
      size="lg"
    >
      <Text size="sm" c="dimmed">
        An identity provider that keeps this user can change these values back.
      </Text>
      <UserFields draft={draft} onChange={(next) => setDraft({ before, version, draft: next })} />
    </FormModal>
  );
}

function syntaxError(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The whole resource, to be replaced. */
export function EditUserJson({ opened, onClose, user, etag }: Props) {
  const change = useChange(user);
  const [{ text, version }, setDraft] = useDraft(opened, () => ({ text: JSON.stringify(user, null, 2), version: etag }));
  const again = useAgain(user);
  const wrong = syntaxError(text);
  const save = async () => {
    await change('PUT', readJson(text), version);
    tell('The user is replaced.');
  };
  const reload = async () => {
    const { resource, etag: stored } = await again();
    setDraft({ text: JSON.stringify(resource, null, 2), version: stored });
  };
  return (
    <FormModal
      opened={opened}
      onClose={onClose}
      title="Edit as JSON"
      action="Replace (PUT)"
      submit={save}
      reload={reload}
      disabled={wrong !== undefined}
      size="xl"
    >
      <Text size="sm" c="dimmed">
        What is left out is removed, but for “active”. “id”, “meta” and “groups” are read-only and left as they are.
      </Text>
      <Textarea
        label="Resource"
        autosize
        minRows={12}
        maxRows={24}
        value={text}
        onChange={(event) => setDraft({ text: event.currentTarget.value, version })}
        error={wrong}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 'var(--mantine-font-size-sm)' } }}
        data-autofocus
      />
    </FormModal>
  );
}
