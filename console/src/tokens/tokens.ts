/** API keys and tokens of a user or a service account, as the pages of both have them. */
import { useQuery } from '@tanstack/react-query';

import { platform, type Query, type Scope } from '../api';
import { useSession } from '../session';
import { usePlatform } from '../ui/calls';

/** Whose they are; `scope` is where a service account lives. */
export interface Owner {
  type: 'USER' | 'SERVICE_ACCOUNT';
  identifier: string;
  scope: Scope;
}

export interface Token {
  identifier: string;
  name: string;
  apiKeyIdentifier: string;
  parentIdentifier: string;
  apiKeyType: string;
  validFrom: number;
  validTo: number | null;
  /** When the secret ends that a rotation has replaced. */
  scheduledExpireTime: number | null;
  surfaces: string[];
  valid: boolean;
  orgIdentifier: string | null;
  projectIdentifier: string | null;
}

export interface TokenRow {
  token: Token;
  expiryAt: number | null;
  lastUsedAt: number | null;
  lastUsedFrom: string | null;
}

export interface KeyRow {
  apiKey: { identifier: string; name: string; description: string | null; defaultTimeToExpireToken: number };
  createdAt: number;
  tokensCount: number;
}

/** An owner has this many keys at most, and a key this many tokens. */
export const LIMIT = 5;

export const DAY = 86_400_000;

export function ofOwner({ type, identifier }: Owner): Query {
  return { apiKeyType: type, parentIdentifier: identifier };
}

export function tokenKey({ apiKeyIdentifier, identifier }: Token): string {
  return `${apiKeyIdentifier}/${identifier}`;
}

/** What the account allows a token's life to be; who may not see it hears it in the refusal. */
export function useTokenLimits(): { days: number; never: boolean } {
  const { can } = useSession();
  const enabled = can('core_setting_view') || can('core_account_view');
  const days = usePlatform<{ value: string }>('/ng/api/settings/max_token_lifetime_days', { enabled });
  const never = usePlatform<{ value: string }>('/ng/api/settings/allow_tokens_without_expiry', { enabled });
  return { days: Number(days.data?.value ?? 365), never: never.data?.value === 'true' };
}

/** The token that this tab is signed in with, where it is one that has a record. */
export function useTokenInUse(): Token | undefined {
  const { credential, whoami } = useSession();
  const recorded = whoami.credential.type === 'PAT' || whoami.credential.type === 'SAT';
  const { data } = useQuery({
    // Under `/ng/api/token`, that it is asked again with the lists; the secret itself is no part of it.
    queryKey: ['/ng/api/token/validate', whoami.credential.tokenId ?? ''],
    queryFn: ({ signal }) => platform<Token>(credential, '/ng/api/token/validate', { method: 'POST', body: credential.token, signal }),
    enabled: recorded,
  });
  return data;
}

export function sameToken(one: Token, other: Token | undefined): boolean {
  return (
    other !== undefined &&
    one.apiKeyType === other.apiKeyType &&
    one.parentIdentifier === other.parentIdentifier &&
    one.orgIdentifier === other.orgIdentifier &&
    one.projectIdentifier === other.projectIdentifier &&
    tokenKey(one) === tokenKey(other)
  );
}
