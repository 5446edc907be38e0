import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';

import { type Credential, type Query, Refused, url } from '../api';
import { useSession } from '../session';
import { tell } from '../ui/calls';

/** The export has no envelope, and a link cannot carry the token: it is fetched, and given to the browser as a file. */
async function load({ token, account }: Credential, query: Query, signal: AbortSignal): Promise<Blob> {
  const response = await fetch(url('/ng/api/provisioning-log/export', { accountIdentifier: account, ...query }), {
    headers: { 'x-api-key': token },
    credentials: 'omit',
    cache: 'no-store',
    signal,
  });
  if (response.ok) return response.blob();
  const body = (await response.json().catch(() => ({}))) as { message?: string; code?: string };
  const message = body.message ?? `The server answered ${response.status} without a reason.`;
  throw new Refused(response.status, message, body.code, response.headers.get('x-request-id') ?? undefined);
}

function save(blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `provisioning-log-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.ndjson`;
  link.click();
  URL.revokeObjectURL(link.href);
}

export function LogExport({ query, onError }: { query: Query; onError: (error: unknown) => void }) {
  const { credential } = useSession();
  const under = useRef<AbortController>(undefined);
  useEffect(() => () => under.current?.abort(), []);
  const exporting = useMutation({
    mutationFn: () => {
      under.current = new AbortController();
      return load(credential, query, under.current.signal);
    },
    onMutate: () => onError(undefined),
    onSuccess: (blob) => {
      save(blob);
      tell('The entries are exported.');
    },
    onError: (error) => {
      if (under.current?.signal.aborted) return;
      onError(error instanceof Refused ? error : new Error('The export broke off. Narrow it down by time, or try again.'));
    },
  });
  if (exporting.isPending) {
    return (
      <Button variant="default" onClick={() => under.current?.abort()}>
        Stop the export
      </Button>
    );
  }
  return (
    <Button variant="default" onClick={() => exporting.mutate()}>
      Export as NDJSON
    </Button>
  );
}
