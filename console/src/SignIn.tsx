import { Alert, Anchor, Button, Container, Group, Modal, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useWindowEvent } from '@mantine/hooks';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';

import { open } from './api';
import { accountOf, useDoor, useSession } from './session';
import { Failure } from './ui/Failure';
import { SecretOnce } from './ui/SecretOnce';

/** The door: a token, or the first account of a new server by its set-up code. */
export function SignIn() {
  const [settingUp, setSettingUp] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Muster';
  }, []);
  return (
    <Container size={460} pt={80} component="main">
      <Title order={1} ta="center" mb="lg">
        Muster
      </Title>
      <Paper withBorder p="lg">
        {settingUp ? <SetUp onBack={() => setSettingUp(false)} /> : <ByToken onSetUp={() => setSettingUp(true)} />}
      </Paper>
    </Container>
  );
}

/** The same over the pages, whose token has ended while they were open: what was typed there stays. */
export function SignInAgain() {
  const { credential, ended, signOut, whoami } = useSession();
  // A window of the page listens for this key wherever it is pressed. This one hears it first.
  useWindowEvent('keydown', (event) => ended !== undefined && event.key === 'Escape' && event.stopImmediatePropagation(), { capture: true });
  return (
    <Modal
      opened={ended !== undefined}
      onClose={() => {}}
      title="You were signed out"
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      zIndex={1_000}
    >
      <Stack>
        <Alert color="yellow">{ended}</Alert>
        <Text size="sm">
          With another token of {whoami.principal.name} you go on where you are, and what you typed is still there: a change that was refused
          is to be sent again. With the token of somebody else, or of another account, the console starts over.
        </Text>
        <TokenForm account={credential.account}>
          <Button variant="subtle" onClick={signOut}>
            Sign out
          </Button>
        </TokenForm>
      </Stack>
    </Modal>
  );
}

function ByToken({ onSetUp }: { onSetUp: () => void }) {
  const { farewell } = useDoor();
  return (
    <Stack>
      {farewell && (
        <Alert color="yellow" title="You were signed out">
          {farewell}
        </Alert>
      )}
      <TokenForm />
      <Text size="xs" c="dimmed">
        Who has the machine makes a token with <code>muster bootstrap … --another-token</code>.{' '}
        <Anchor component="button" type="button" size="xs" onClick={onSetUp}>
          Set up a new server
        </Anchor>
      </Text>
    </Stack>
  );
}

/** `account` is what a credential is of that does not name one, unless the person says otherwise; `children` stand beside the button. */
function TokenForm({ account: known = '', children }: { account?: string; children?: ReactNode }) {
  const { signIn } = useDoor();
  const [token, setToken] = useState('');
  const [account, setAccount] = useState(known);
  const named = accountOf(token);
  const signingIn = useMutation({ mutationFn: () => signIn({ token: token.trim(), account: named ?? account.trim() }) });
  const wantsAccount = token.trim() !== '' && named === undefined;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        signingIn.mutate();
      }}
    >
      <Stack>
        <PasswordInput
          label="Token"
          description="A personal access token (pat.…), or another credential that opens the platform API. It is kept for this tab only."
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          autoComplete="off"
          data-autofocus
          required
        />
        {wantsAccount && (
          <TextInput
            label="Account"
            description="This credential does not name one."
            value={account}
            onChange={(event) => setAccount(event.currentTarget.value)}
            required
          />
        )}
        <Failure error={signingIn.error} title="This token does not let you in" />
        <Group justify="flex-end">
          {children}
          <Button type="submit" flex={1} loading={signingIn.isPending}>
            Sign in
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

interface SetUpAnswer {
  account_identifier: string;
  token: string;
}

function SetUp({ onBack }: { onBack: () => void }) {
  const { signIn } = useDoor();
  const [fields, setFields] = useState({ code: '', account: '', email: '', name: '' });
  const made = useMutation({
    mutationFn: () => open<SetUpAnswer>('/v1/setup', { method: 'POST', body: { ...fields, name: fields.name || undefined } }),
  });
  const entering = useMutation({
    mutationFn: (answer: SetUpAnswer) => signIn({ token: answer.token, account: answer.account_identifier }),
  });
  const field = (name: keyof typeof fields, label: string, description: string, required = true) => (
    <TextInput
      label={label}
      description={description}
      value={fields[name]}
      onChange={(event) => setFields({ ...fields, [name]: event.currentTarget.value })}
      autoComplete="off"
      required={required}
    />
  );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        made.mutate();
      }}
    >
      <Stack>
        <Text size="sm">
          The first account of this server. The set-up code stands in a file of the server's data directory, and in its terminal.
        </Text>
        {field('code', 'Set-up code', 'It works once.')}
        {field('account', 'Account', 'Its identifier: letters, digits, “_” and “-”. It never changes.')}
        {field('email', 'Your e-mail address', 'You are its first administrator.')}
        {field('name', 'Your name', 'What stands before the @ without one.', false)}
        <Failure error={made.error ?? entering.error} title="The account was not made" />
        <Button type="submit" loading={made.isPending}>
          Set up
        </Button>
        <Anchor component="button" type="button" size="xs" onClick={onBack}>
          Sign in with a token
        </Anchor>
        <SecretOnce
          secret={made.data?.token}
          what="Your token"
          onClose={() => {
            if (made.data) entering.mutate(made.data);
          }}
        />
      </Stack>
    </form>
  );
}
