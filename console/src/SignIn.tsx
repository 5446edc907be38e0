import { Alert, Anchor, Button, Container, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { open } from './api';
import { accountOf, useDoor } from './session';
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

function ByToken({ onSetUp }: { onSetUp: () => void }) {
  const { signIn, farewell } = useDoor();
  const [token, setToken] = useState('');
  const [account, setAccount] = useState('');
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
        {farewell && !signingIn.error && (
          <Alert color="yellow" title="You were signed out">
            {farewell}
          </Alert>
        )}
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
        <Button type="submit" loading={signingIn.isPending}>
          Sign in
        </Button>
        <Text size="xs" c="dimmed">
          Who has the machine makes a token with <code>muster bootstrap … --another-token</code>.{' '}
          <Anchor component="button" type="button" size="xs" onClick={onSetUp}>
            Set up a new server
          </Anchor>
        </Text>
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
