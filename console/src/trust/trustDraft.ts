/** A trust while it is written: what the form shows, and the members that it does not. */
import { changedIn, readJson } from '../json';
import type { TrustBody } from './trust';

export const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

export type KeySource = 'url' | 'discovery' | 'keys';

export interface RuleDraft {
  claim: string;
  op: string;
  /** A text as it is written, or any value as JSON: rules are typed, and "true" is not true. */
  kind: 'text' | 'json';
  value: string;
}

export interface TrustDraft {
  identifier: string;
  name: string;
  enabled: boolean;
  serviceAccount: string;
  source: KeySource;
  url: string;
  discovery: string;
  keys: string;
  issuer: string;
  audiences: string[];
  /** Empty: as the server has it without the member. */
  audiencePolicy: string;
  algorithms: string[];
  rules: RuleDraft[];
  leewaySeconds: string | number;
  maxLifetimeSeconds: string | number;
  surfaces: string[];
  requireJti: boolean;
  replay: boolean;
  /** What the form does not show goes back as it came. */
  rest: Record<string, unknown>;
}

function ruleDraft({ claim, op, value }: { claim: string; op: string; value: unknown }): RuleDraft {
  return typeof value === 'string' ? { claim, op, kind: 'text', value } : { claim, op, kind: 'json', value: JSON.stringify(value) };
}

export function draftOf(body: Partial<TrustBody>): TrustDraft {
  const { identifier, name, enabled, serviceAccount, jwks, issuer, audiencePolicy, leewaySeconds, maxLifetimeSeconds, surfaces, requireJti, replay, ...others } = body;
  // null is the same as leaving a member out.
  const { audiences: heard, algorithms: signed, rules: asked, ...rest } = others;
  const [audiences, algorithms, rules] = [heard ?? [], signed ?? [], asked ?? []];
  const byItself = audiences.length > 0 ? 'required' : 'off';
  return {
    identifier: identifier ?? '',
    name: name ?? '',
    enabled: enabled ?? true,
    serviceAccount: serviceAccount ?? '',
    source: jwks?.keys ? 'keys' : jwks?.discovery !== undefined ? 'discovery' : 'url',
    url: jwks?.url ?? '',
    discovery: jwks?.discovery ?? '',
    keys: jwks?.keys ? JSON.stringify(jwks.keys, null, 2) : '',
    issuer: issuer ?? '',
    audiences,
    // Else an audience that is added to a trust without any would not be asked for.
    audiencePolicy: !audiencePolicy || audiencePolicy === byItself ? '' : audiencePolicy,
    algorithms: ALGORITHMS.every((one) => algorithms.includes(one)) ? [] : algorithms,
    rules: rules.map(ruleDraft),
    leewaySeconds: leewaySeconds ?? '',
    maxLifetimeSeconds: maxLifetimeSeconds ?? '',
    surfaces: surfaces ?? ['scim'],
    requireJti: requireJti ?? false,
    replay: replay === 'on',
    rest,
  };
}

/** Reads what was written. A number that this browser would send as another one is refused: a rule would then mean somebody else. */
export function json(text: string, what: string): unknown {
  let value: unknown;
  try {
    value = readJson(text);
  } catch (error) {
    throw new Error(`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const changed = changedIn(value);
  if (changed !== undefined) throw new Error(`${what} has a number near ${changed}, which this browser cannot keep exactly: change it by the API.`);
  return value;
}

/** Stored keys, also where a whole JWKS is pasted. */
function storedKeys(text: string): unknown {
  const value = json(text, 'The list of keys');
  return typeof value === 'object' && value !== null && 'keys' in value ? value.keys : value;
}

/** What is sent. Says by an exception which field is no JSON. */
export function bodyOf(draft: TrustDraft): Record<string, unknown> {
  const { rest, source, url, discovery, keys, rules, issuer, audiencePolicy, algorithms, leewaySeconds, maxLifetimeSeconds, identifier, replay, ...same } = draft;
  const jwks = source === 'keys' ? { keys: storedKeys(keys) } : source === 'discovery' ? { discovery: discovery.trim() } : { url: url.trim() };
  return {
    ...(identifier && { identifier }),
    ...same,
    jwks,
    ...(issuer && { issuer }),
    ...(audiencePolicy && { audiencePolicy }),
    ...(algorithms.length > 0 && { algorithms }),
    rules: rules.map(({ claim, op, kind, value }, index) => ({ claim, op, value: kind === 'text' ? value : json(value, `The value of rule ${index + 1}`) })),
    ...(leewaySeconds !== '' && { leewaySeconds: Number(leewaySeconds) }),
    ...(maxLifetimeSeconds !== '' && { maxLifetimeSeconds: Number(maxLifetimeSeconds) }),
    replay: replay ? 'on' : 'off',
    ...rest,
  };
}

/** What was written as JSON, back in the form. */
export function draftOfText(text: string): TrustDraft {
  const value = json(text, 'The trust');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('A trust is a JSON object.');
  if (!fits(value as Record<string, unknown>)) throw new Error('The form cannot show this: a member is of another type than it should be.');
  return draftOf(value as Partial<TrustBody>);
}

/** Is each member that the form shows of the type that its field has? */
function fits(body: Record<string, unknown>): boolean {
  const is = (type: string, ...names: string[]) => names.every((name) => body[name] === undefined || body[name] === null || typeof body[name] === type);
  const texts = ['audiences', 'algorithms', 'surfaces'].every((name) => {
    const value = body[name] ?? [];
    return Array.isArray(value) && value.every((one) => typeof one === 'string');
  });
  const rules = body['rules'] ?? [];
  const whole = Array.isArray(rules) && rules.every((rule: Partial<RuleDraft> | null) => typeof rule?.claim === 'string' && typeof rule.op === 'string' && rule.value !== undefined);
  const jwks = (body['jwks'] ?? {}) as Record<string, unknown>;
  const source = typeof jwks === 'object' && ['url', 'discovery'].every((name) => typeof (jwks[name] ?? '') === 'string');
  return (
    texts && whole && source &&
    is('string', 'identifier', 'name', 'serviceAccount', 'issuer', 'audiencePolicy', 'replay') &&
    is('boolean', 'enabled', 'requireJti') &&
    is('number', 'leewaySeconds', 'maxLifetimeSeconds')
  );
}
