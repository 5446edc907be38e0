import { Alert, Select, Text } from '@mantine/core';

import { platform } from '../api';
import { useDoor, useSession } from '../session';
import { tell, useRefresh } from '../ui/calls';
import { FormModal } from '../ui/FormModal';
import type { MadeToken } from './TokenOnce';
import { DAY, ofOwner, type Owner, sameToken, type Token } from './tokens';
import { useDraft } from '../ui/useDraft';

const HOUR = 3_600_000;

const GRACES = [
  { value: '0', label: 'It ends at once' },
  { value: String(HOUR), label: '1 hour' },
  { value: String(DAY), label: '1 day' },
  { value: String(7 * DAY), label: '7 days' },
  { value: String(30 * DAY), label: '30 days' },
];

interface Props {
  token: Token | undefined;
  onClose: () => void;
  owner: Owner;
  inUse: Token | undefined;
  onMade: (made: MadeToken) => void;
}

/** A new secret in the place of the old one, which goes on for a while. */
export function RotateForm({ token, onClose, owner, inUse, onMade }: Props) {
  const { credential } = useSession();
  const { signIn } = useDoor();
  const refresh = useRefresh();
  const opened = token !== undefined;
  const [grace, setGrace] = useDraft(opened, () => String(DAY));
  const mine = token !== undefined && sameToken(token, inUse);

  const rotate = async () => {
    if (!token) return;
    const secret = await platform<string>(credential, `/ng/api/token/rotate/${encodeURIComponent(token.identifier)}`, {
      method: 'POST',
      query: {
        ...ofOwner(owner),
        apiKeyIdentifier: token.apiKeyIdentifier,
        // Long past, whatever the clocks say: at once.
        rotateTimestamp: grace === '0' ? 1 : Date.now() + Number(grace),
      },
      scope: owner.scope,
    });
    // Shown before all else: it is not to be had again.
    onMade({ secret, what: `The new secret of “${token.name}”`, surfaces: token.surfaces });
    tell(`The token ${token.name} is rotated.`);
    if (mine) await signIn({ ...credential, token: secret }).catch((error: unknown) => tell(`Not signed in with it: ${String(error)}`));
    void refresh('/ng/api/token', '/ng/api/apikey');
  };

  return (
    <FormModal opened={opened} onClose={onClose} title="Rotate the token" action="Rotate" submit={rotate}>
      <Text size="sm">
        <b>{token?.name}</b> gets a new secret, which is shown once. Its name, what it opens and its end stay.
      </Text>
      {mine && <Alert color="yellow">You are signed in with this token. This tab goes on with the new secret.</Alert>}
      <Select
        label="The old secret holds for"
        description="Time to put the new one in its place; never past the token’s own end."
        data={GRACES}
        value={grace}
        onChange={(value) => setGrace(value ?? grace)}
        allowDeselect={false}
      />
    </FormModal>
  );
}
