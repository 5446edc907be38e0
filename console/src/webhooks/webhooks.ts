/** Webhooks on the wire, and what their pages share. They are of the account: no scope is chosen. */
import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { useCallback } from 'react';

import { isGone, platform, platformTagged } from '../api';
import { useSession } from '../session';
import { useRefresh } from '../ui/calls';

export const WEBHOOKS = '/ng/api/webhooks';

const AGAIN_MILLIS = 2_000;

export interface Delivery {
  /** The last number that is acknowledged, or not meant for it. */
  next: number;
  latest: number;
  failures: number;
  failingSince?: number | null;
  nextAttemptAt?: number | null;
  lastAttemptAt?: number | null;
  lastStatus?: number | null;
  lastError?: string | null;
  disabledReason?: string | null;
}

export interface Webhook {
  identifier: string;
  name: string;
  description?: string | null;
  url: string;
  /** None: all. */
  types: string[];
  enabled: boolean;
  createdAt: number;
  lastModifiedAt: number;
  /** Of the answer that makes or rotates it. */
  secret?: string;
  formerSecretUntil?: number | null;
  delivery: Delivery;
}

/** What a PUT replaces. */
export interface WebhookBody {
  name: string;
  description: string | null;
  url: string;
  types: string[];
  enabled: boolean;
  skipToLatest?: boolean;
}

export type State = 'disabled' | 'failing' | 'delivering' | 'caught up';

export function stateOf({ enabled, delivery: { next, latest, failures } }: Webhook): State {
  if (!enabled) return 'disabled';
  if (next >= latest) return 'caught up';
  return failures > 0 ? 'failing' : 'delivering';
}

export function bodyOf({ name, description = null, url, types, enabled }: Webhook): WebhookBody {
  return { name, description, url, types, enabled };
}

/** The path of a webhook, or of something of it, at the API. */
export function webhookPath(identifier: string, rest = ''): string {
  return `${WEBHOOKS}/${encodeURIComponent(identifier)}${rest}`;
}

/** Where the console shows it. */
export function webhookPage(identifier: string): string {
  return `/webhooks/${encodeURIComponent(identifier)}`;
}

/** `1 event`, `7 events`. */
export function eventsOf(many: number): string {
  return many === 1 ? '1 event' : `${many} events`;
}

/** What is not acknowledged: `1 event, number 19`, `7 events, numbers 19 to 25`. */
export function missing({ next, latest }: Delivery): string {
  const first = next + 1;
  return `${eventsOf(latest - next)}, ${first === latest ? `number ${first}` : `numbers ${first} to ${latest}`}`;
}

export interface TaggedWebhook {
  resource: Webhook;
  etag: string | undefined;
}

/** A webhook with its version, which deliveries do not change; asked for again while it is shown. */
export function useWebhook(identifier: string): UseQueryResult<TaggedWebhook> {
  const { credential, ended } = useSession();
  return useQuery({
    queryKey: [webhookPath(identifier), 'tagged'],
    queryFn: ({ signal }) => platformTagged<Webhook>(credential, webhookPath(identifier), { signal }),
    enabled: ended === undefined,
    refetchInterval: ({ state: { error } }) => (isGone(error) ? false : AGAIN_MILLIS),
  });
}

interface Call {
  method: 'POST' | 'PUT' | 'DELETE';
  body?: unknown;
}

/** Changes a webhook as it was seen, or says that somebody else did meanwhile; the pages show what there is then. */
export function useChange(identifier: string): (path: '' | '/rotate-secret', call: Call, etag: string | undefined) => Promise<Webhook> {
  const { credential } = useSession();
  const refresh = useRefresh();
  return useCallback(
    async (path, call, etag) => {
      try {
        return await platform<Webhook>(credential, webhookPath(identifier, path), { ...call, ...(etag && { headers: { 'if-match': etag } }) });
      } finally {
        if (call.method !== 'DELETE') void refresh(WEBHOOKS);
      }
    },
    [credential, identifier, refresh],
  );
}
