import { Alert, Button, Modal, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';

import { type Credential, type Query, Refused, url } from '../api';
import { useSession } from '../session';
import { tell } from '../ui/calls';
import { Id, Time } from '../ui/words';
import { choosePlace } from './saveLog';

const EXPORT = '/ng/api/provisioning-log/export';

/** The export has no envelope, and a link cannot carry the token: it is fetched, and given to the browser as a file. */
async function load({ token, account }: Credential, query: Query, signal: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const response = await fetch(url(EXPORT, { accountIdentifier: account, ...query }), {
    headers: { 'x-api-key': token },
    credentials: 'omit',
    cache: 'no-store',
    signal,
  });
  if (response.ok && response.body) return response.body;
  const body = (await response.json().catch(() => ({}))) as { message?: string; code?: string };
  const message = body.message ?? `The server answered ${response.status} without a reason.`;
  throw new Refused(response.status, message, body.code, response.headers.get('x-request-id') ?? undefined);
}

export function LogExport({ query, onError }: { query: Query; onError: (error: unknown) => void }) {
  const { credential } = useSession();
  const [until, setUntil] = useState<number>();
  const under = useRef<AbortController>(undefined);
  useEffect(() => () => under.current?.abort(), []);
  const exporting = useMutation({
    mutationFn: async () => {
      const { signal } = (under.current = new AbortController());
      const place = await choosePlace();
      if (!place) return;
      const rest = await place.put(await load(credential, query, signal), signal);
      if (rest === undefined) tell('The entries are exported.');
      else setUntil(rest);
    },
    onMutate: () => onError(undefined),
    onError: (error) => {
      if (under.current?.signal.aborted) return;
      onError(error instanceof Refused ? error : new Error('The export broke off. Narrow it down by time, or try again.'));
    },
  });
  const going = exporting.isPending;
  return (
    <>
      <Button variant="default" onClick={() => (going ? under.current?.abort() : exporting.mutate())}>
        {going ? 'Stop the export' : 'Export as NDJSON'}
      </Button>
      <Modal opened={until !== undefined} onClose={() => setUntil(undefined)} title="Not all entries are in the file">
        <Stack>
          <Alert color="yellow">
            This browser writes no long files. The file has the newest entries, back to <Time at={until} />.
          </Alert>
          <Text size="sm">Older ones are had by filtering until then and exporting again, or all of them at once by the API:</Text>
          <Id>{`curl -H "x-api-key: $TOKEN" '${url(EXPORT, { accountIdentifier: credential.account, ...query })}' -o log.ndjson`}</Id>
        </Stack>
      </Modal>
    </>
  );
}
