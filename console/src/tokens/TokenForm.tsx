import { Radio, Select, Stack, Text, TextInput } from '@mantine/core';

import { platform } from '../api';
import { useSession } from '../session';
import { tell, useRefresh } from '../ui/calls';
import { FormModal } from '../ui/FormModal';
import { chosenIdentifier, NewName } from '../ui/NewName';
import type { MadeToken } from './TokenOnce';
import { DAY, type KeyRow, LIMIT, type Owner, useTokenLimits } from './tokens';
import { useDraft } from '../ui/useDraft';

/** In the place of a key's identifier: no key can be called so. */
const NEW = '+';

const SURFACES: Record<string, string[]> = { scim: ['scim'], platform: ['platform'], both: ['scim', 'platform'] };

interface Props {
  opened: boolean;
  onClose: () => void;
  owner: Owner;
  keys: KeyRow[];
  onMade: (made: MadeToken) => void;
}

/** A token in one form; its key is made with it where there is none. */
export function TokenForm({ opened, onClose, owner, keys, onMade }: Props) {
  const { credential } = useSession();
  const refresh = useRefresh();
  const limits = useTokenLimits();
  const [draft, setDraft] = useDraft(opened, () => ({
    name: '',
    identifier: '',
    key: roomFor(keys),
    newKey: '',
    // What an identity provider is given opens no more than it needs.
    surfaces: owner.type === 'SERVICE_ACCOUNT' ? 'scim' : 'both',
    ends: String(Math.min(owner.type === 'SERVICE_ACCOUNT' ? limits.days : 30, limits.days)),
    date: '',
  }));
  const lives = [...new Set([7, 30, 90, 180, 365, limits.days])].filter((days) => days <= limits.days).sort((one, other) => one - other);
  // What the account allows may have come, or changed, after the form was opened.
  const ends = ['date', 'never'].includes(draft.ends) || lives.includes(Number(draft.ends)) ? draft.ends : String(limits.days);
  const identifier = chosenIdentifier(draft);

  const create = async () => {
    const surfaces = SURFACES[draft.surfaces] ?? [];
    const secret = await platform<string>(credential, '/ng/api/token', {
      method: 'POST',
      scope: owner.scope,
      body: {
        identifier,
        name: draft.name,
        apiKeyIdentifier: draft.key === NEW ? draft.newKey.trim() || identifier : draft.key,
        apiKeyType: owner.type,
        parentIdentifier: owner.identifier,
        surfaces,
        ...endOf(ends, draft.date),
      },
    });
    tell(`The token ${draft.name} is made.`);
    void refresh('/ng/api/token', '/ng/api/apikey', '/ng/api/serviceaccount');
    onMade({ secret, what: `The token “${draft.name}”`, surfaces });
  };

  return (
    <FormModal opened={opened} onClose={onClose} title="New token" action="Create" submit={create}>
      <NewName value={draft} onChange={(value) => setDraft({ ...draft, ...value })} />
      <Radio.Group label="What it opens" value={draft.surfaces} onChange={(surfaces) => setDraft({ ...draft, surfaces })}>
        <Stack gap={6} mt={4}>
          <Radio value="scim" label="SCIM only" description="For an identity provider: users and groups, and nothing else." />
          <Radio value="platform" label="The platform API only" description="All but SCIM." />
          <Radio value="both" label="Everything" description="Both, as far as its owner may." />
        </Stack>
      </Radio.Group>
      <Select
        label="Ends"
        data={[
          ...lives.map((days) => ({ value: String(days), label: days === 1 ? 'in 1 day' : `in ${days} days` })),
          { value: 'date', label: 'at the end of a day' },
          ...(limits.never ? [{ value: 'never', label: 'never' }] : []),
        ]}
        value={ends}
        onChange={(chosen) => setDraft({ ...draft, ends: chosen ?? ends })}
        allowDeselect={false}
      />
      {ends === 'date' && (
        <TextInput type="date" label="Last day" value={draft.date} onChange={(event) => setDraft({ ...draft, date: event.currentTarget.value })} required />
      )}
      {keys.length > 0 && (
        <Select
          label="API key"
          data={[
            ...keys.map(({ apiKey, tokensCount }) => ({ value: apiKey.identifier, label: `${apiKey.identifier} (${tokensCount} token${tokensCount === 1 ? '' : 's'})` })),
            ...(keys.length < LIMIT ? [{ value: NEW, label: 'A new key' }] : []),
          ]}
          value={draft.key}
          onChange={(key) => setDraft({ ...draft, key: key ?? draft.key })}
          allowDeselect={false}
        />
      )}
      {draft.key === NEW && (
        <TextInput
          label="Identifier of the new API key"
          description="A key holds tokens. Without one it is called as the token."
          placeholder={identifier}
          value={draft.newKey}
          onChange={(event) => setDraft({ ...draft, newKey: event.currentTarget.value })}
          classNames={{ input: 'mono' }}
        />
      )}
      <Text size="xs" c="dimmed">
        The secret is shown once, when the token is made.
      </Text>
    </FormModal>
  );
}

/** A key with room in it, else a new one, else what there is: rotated secrets count, and do not take the room. */
function roomFor(keys: KeyRow[]): string {
  const free = keys.find((row) => row.tokensCount < LIMIT) ?? (keys.length < LIMIT ? undefined : keys[0]);
  return free?.apiKey.identifier ?? NEW;
}

function endOf(ends: string, date: string): { validTo: number } | { neverExpires: true } {
  if (ends === 'never') return { neverExpires: true };
  return { validTo: ends === 'date' ? new Date(`${date}T23:59:59`).getTime() : Date.now() + Number(ends) * DAY };
}
