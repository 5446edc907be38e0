/** JWT trusts on the wire, and the words that the pages about them share. */
import { useQuery, type UseQueryResult } from '@tanstack/react-query';

import { platformTagged } from '../api';
import { useSession } from '../session';

export const TRUSTS = '/ng/api/jwt-trusts';
/** The trust that the four settings make. */
export const DEFAULT = 'default';

export interface Rule {
  claim: string;
  op: string;
  value: unknown;
}

export interface TrustBody {
  identifier: string;
  name: string;
  enabled?: boolean;
  serviceAccount: string;
  jwks: { url?: string; discovery?: string; keys?: unknown[] };
  caPem?: string | null;
  issuer?: string | null;
  audiences?: string[];
  audiencePolicy?: string;
  algorithms?: string[];
  types?: string[];
  rules?: Rule[];
  leewaySeconds?: number;
  maxLifetimeSeconds?: number;
  surfaces?: string[];
  requireJti?: boolean;
  replay?: string;
}

export interface Warning {
  code: string;
  field?: string | null;
  message: string;
}

export interface Trust {
  jwtTrust: TrustBody;
  isDefault: boolean;
  createdAt: number;
  lastModifiedAt: number;
  warnings: Warning[];
}

export interface Refusal {
  at: number;
  requestId?: string | null;
  address?: string | null;
  stepNumber: number;
  step: string;
  reason?: string | null;
  expected?: string | null;
  received?: string | null;
  hint?: string | null;
  algorithm?: string | null;
  kid?: string | null;
  issuer?: string | null;
  subject?: string | null;
  clockDifferenceSeconds?: number | null;
  count: number;
}

/** The path of a trust, or of something of it, at the API. */
export function trustPath(identifier: string, rest = ''): string {
  return `${TRUSTS}/${encodeURIComponent(identifier)}${rest}`;
}

/** Where the console shows it. */
export function trustPage(identifier: string): string {
  return `/trusts/${encodeURIComponent(identifier)}`;
}

/** A trust with its version. */
export function useTrust(identifier: string): UseQueryResult<{ resource: Trust; etag: string | undefined }> {
  const { credential } = useSession();
  return useQuery({
    queryKey: [trustPath(identifier), 'tagged'],
    queryFn: ({ signal }) => platformTagged<Trust>(credential, trustPath(identifier), { signal }),
  });
}

/** A stretch of time in words: `3 min`, `2 h 5 min`. */
export function stretch(seconds: number): string {
  const all = Math.abs(Math.round(seconds));
  const parts: string[] = [];
  let left = all;
  for (const [size, word] of [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']] as const) {
    const many = Math.floor(left / size);
    if (many > 0 && parts.length < 2) parts.push(`${many} ${word}`);
    left -= many * size;
  }
  return parts.join(' ') || '0 s';
}
