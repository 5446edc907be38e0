/** The calls of a page, with the session's credential and scope. */
import { notifications } from '@mantine/notifications';
import { type UseQueryResult, useQuery, useQueryClient } from '@tanstack/react-query';
import { keepPreviousData } from '@tanstack/react-query';
import { useCallback } from 'react';

import { platform, type Query, Refused, type Scope, scim, type ScimAnswer } from '../api';
import { useSession } from '../session';

interface Options {
  query?: Query;
  /** Without it the account alone. */
  scope?: Scope;
  enabled?: boolean;
  refetchInterval?: number | false;
  /** Shows the page before while the next one is on its way. */
  keep?: boolean;
}

const AGAIN_MILLIS = 5_000;

/** A page that the server did not answer for is asked for again until it does. */
function orAgain(interval: number | false = false) {
  return ({ state: { error } }: { state: { error: Error | null } }) =>
    error instanceof Refused && (error.status === 0 || error.status === 503) ? AGAIN_MILLIS : interval;
}

/** What a GET of the platform API gives. All queries of one path are asked again by `useRefresh()(path)`. */
export function usePlatform<T>(path: string, { query, scope, enabled, refetchInterval, keep }: Options = {}): UseQueryResult<T> {
  const { credential, ended } = useSession();
  return useQuery({
    queryKey: [path, query ?? {}, scope ?? {}],
    queryFn: ({ signal }) =>
      platform<T>(credential, path, { ...(query && { query }), ...(scope && { scope }), signal }),
    enabled: (enabled ?? true) && ended === undefined,
    refetchInterval: orAgain(refetchInterval),
    ...(keep && { placeholderData: keepPreviousData }),
  });
}

/** The same of a list that is asked for by a body. */
export function usePlatformPost<T>(path: string, body: unknown, { query, scope, enabled, keep }: Options = {}): UseQueryResult<T> {
  const { credential, ended } = useSession();
  return useQuery({
    queryKey: [path, query ?? {}, scope ?? {}, body],
    queryFn: ({ signal }) =>
      platform<T>(credential, path, { method: 'POST', body, ...(query && { query }), ...(scope && { scope }), signal }),
    enabled: (enabled ?? true) && ended === undefined,
    refetchInterval: orAgain(),
    ...(keep && { placeholderData: keepPreviousData }),
  });
}

/** What a GET of the SCIM API gives, with its ETag. */
export function useScim<T>(path: string, { query, enabled, keep }: Options = {}): UseQueryResult<ScimAnswer<T>> {
  const { credential, ended } = useSession();
  return useQuery({
    queryKey: [`scim:${path}`, query ?? {}],
    // Never broken off: that would stand in the provisioning log as a failure (499).
    queryFn: () => scim<T>(credential, path, { ...(query && { query }) }),
    enabled: (enabled ?? true) && ended === undefined,
    refetchInterval: orAgain(),
    ...(keep && { placeholderData: keepPreviousData }),
  });
}

/** Asks again for what begins with one of these paths (`/ng/api/token`, `scim:/Users`). */
export function useRefresh(): (...paths: string[]) => Promise<void> {
  const client = useQueryClient();
  return useCallback(
    (...paths: string[]) =>
      client.invalidateQueries({
        predicate: ({ queryKey: [path] }) => typeof path === 'string' && paths.some((begin) => path.startsWith(begin)),
      }),
    [client],
  );
}

/** A word that something was done. */
export function tell(message: string): void {
  notifications.show({ message, color: 'green.9', autoClose: 4_000 });
}
