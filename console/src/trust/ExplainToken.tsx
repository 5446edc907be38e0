import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';

import { platform } from '../api';
import { useSession } from '../session';
import { type Explanation, type Inside, insideOf } from './verdict';
import { Failure } from '../ui/Failure';
import { trustPath, TRUSTS } from './trust';

export interface Explained {
  explanations: Explanation[];
  inside: Inside | undefined;
}

interface Props {
  /** Of this trust alone; without it of all, and of tokens of the server's own. */
  trust?: string;
  children: (explained: Explained) => ReactNode;
}

/**
 * Asks why a token is taken or refused. It is a secret: it goes to the server and nowhere else, stands in no cache and no
 * address, and leaves the field with the answer.
 */
export function ExplainToken({ trust, children }: Props) {
  const { credential } = useSession();
  const [token, setToken] = useState('');
  const asking = useMutation({
    // What is sent is not among the variables, which would be kept.
    mutationFn: async (): Promise<Explained> => {
      const path = trust === undefined ? `${TRUSTS}/explain` : trustPath(trust, '/explain');
      const said = await platform<Explanation | Explanation[]>(credential, path, { method: 'POST', body: { token: token.trim() } });
      const explanations = Array.isArray(said) ? said : [said];
      return { explanations, inside: explanations.every((one) => one.kind === 'JWT') ? insideOf(token) : undefined };
    },
    gcTime: 0,
  });
  return (
    <Stack>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          // What is put in meanwhile stays.
          if (!asking.isPending && token.trim()) asking.mutate(undefined, { onSuccess: () => setToken((now) => (now === token ? '' : now)) });
        }}
      >
        <Stack gap="xs">
          <Textarea
            label="Token"
            description={trust === undefined ? 'A JWT, or a token of this server: pat.…, sat.…, oat.…' : 'A JWT.'}
            value={token}
            onChange={(event) => setToken(event.currentTarget.value)}
            autoComplete="off"
            autoCorrect="off"
            spellCheck={false}
            minRows={3}
            maxRows={8}
            autosize
            classNames={{ input: 'mono' }}
            required
          />
          <Group justify="space-between">
            <Text size="xs" c="dimmed">
              Nothing is stored. The field is emptied with the answer, which does not show the token again.
            </Text>
            <Button type="submit" loading={asking.isPending} disabled={!token.trim()}>
              Explain
            </Button>
          </Group>
        </Stack>
      </form>
      <Failure error={asking.error} title="This token could not be explained" />
      {asking.data && !asking.isPending && children(asking.data)}
    </Stack>
  );
}
