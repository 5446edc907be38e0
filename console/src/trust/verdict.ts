/** How the server explains a token, and what is read out of that. */
import { readJson } from '../json';

export interface Step {
  number: number;
  step: string;
  outcome: 'pass' | 'fail' | 'skip';
  reason?: string | null;
  expected?: string | null;
  received?: string | null;
  hint?: string | null;
}

export interface Explanation {
  kind: 'JWT' | 'PAT' | 'SAT' | 'OAT';
  trust?: string | null;
  enabled?: boolean | null;
  surfaces?: string[] | null;
  accepted: boolean;
  code?: string | null;
  hint?: string | null;
  steps: Step[];
}

export interface Verdict {
  state: 'taken' | 'almost' | 'refused';
  sentence: string;
}

const KINDS = { JWT: 'JWT', PAT: 'personal access token', SAT: 'service account token', OAT: 'access token' };

export function firstFailure(explanation: Explanation): Step | undefined {
  return explanation.steps.find((step) => step.outcome === 'fail');
}

/** The token itself is good; only what its service account may do is missing. */
function lacksRights(explanation: Explanation): boolean {
  return firstFailure(explanation)?.step === 'permission';
}

function off(explanation: Explanation): boolean {
  return explanation.enabled === false;
}

/** How near the token came to being taken. */
function nearness(explanation: Explanation): number {
  if (explanation.accepted) return off(explanation) ? 3_000 : 4_000;
  if (lacksRights(explanation)) return off(explanation) ? 1_500 : 2_000;
  const passed = explanation.steps.filter((step) => step.outcome === 'pass');
  return (passed.some((step) => step.step === 'issuer') ? 100 : 0) + (off(explanation) ? 0 : 50) + passed.length;
}

/** Those that come nearest first, so that what has to be read is on top. */
export function byNearness(explanations: Explanation[]): Explanation[] {
  return explanations.toSorted((one, other) => nearness(other) - nearness(one));
}

function failing(step: Step | undefined): string {
  if (!step) return '';
  const said = [step.expected && `expected ${step.expected}`, step.received && `received ${step.received}`].filter(Boolean).join(', ');
  return ` It fails at step ${step.number}, ${step.step}${said ? `: ${said}` : ''}.`;
}

/** What became of it at one trust, or of a token of ours, in one sentence. */
export function verdictOf(explanation: Explanation): Verdict {
  const { kind, trust, accepted } = explanation;
  if (trust === null || trust === undefined) {
    const what = `This ${KINDS[kind]}`;
    if (accepted) return { state: 'taken', sentence: `${what} holds. It opens: ${(explanation.surfaces ?? []).join(', ')}.` };
    return { state: 'refused', sentence: `${what} does not hold.${failing(firstFailure(explanation))}` };
  }
  if (accepted && off(explanation)) return { state: 'almost', sentence: `The trust “${trust}” would take this token, but it is disabled.` };
  if (accepted) return { state: 'taken', sentence: `The trust “${trust}” takes this token.` };
  if (lacksRights(explanation)) {
    const known = off(explanation) ? 'would know this token, but it is disabled, and' : 'knows this token, but';
    return { state: 'almost', sentence: `The trust “${trust}” ${known} its service account holds no permission: every call is refused.` };
  }
  return { state: 'refused', sentence: `The trust “${trust}” refuses this token.${failing(firstFailure(explanation))}` };
}

/** What became of it in the account. */
export function verdictOfAll(explanations: Explanation[]): Verdict {
  const [nearest] = byNearness(explanations);
  if (!nearest) return { state: 'refused', sentence: 'No trust takes this token: the account has none.' };
  const own = verdictOf(nearest);
  if (own.state !== 'refused' || explanations.length === 1) return own;
  return {
    state: 'refused',
    sentence: `None of the ${explanations.length} trusts takes this token. “${nearest.trust ?? ''}” comes nearest.${failing(firstFailure(nearest))}`,
  };
}

/** What a JWT says of itself. Nothing here is verified, and nothing leaves the page. */
export interface Inside {
  header: unknown;
  claims: unknown;
}

function part(text: string | undefined): unknown {
  const bytes = Uint8Array.from(atob((text ?? '').replaceAll('-', '+').replaceAll('_', '/')), (sign) => sign.charCodeAt(0));
  return readJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

export function insideOf(token: string): Inside | undefined {
  const [header, claims, , more] = token.trim().replace(/^Bearer\s+/i, '').split('.');
  try {
    return more === undefined ? { header: part(header), claims: part(claims) } : undefined;
  } catch {
    return undefined;
  }
}
