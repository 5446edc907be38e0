/** The account's events, page by page or as they come. */
import { useCallback, useEffect, useRef, useState } from 'react';

import { type Credential, platform, type Query, Refused } from '../api';
import { type Whole, whole } from '../json';
import { useSession } from '../session';

export interface DirectoryEvent {
  number: bigint;
  time: string;
  type: string;
  resourceType: string;
  resourceId: string;
  userName?: string;
  displayName?: string;
  externalId?: string;
  active?: boolean;
  orgIdentifier?: string;
  projectIdentifier?: string;
  changedAttributes?: string[];
  member?: { value: string; type: string; display?: string };
  actor?: { type: string; id: string; name?: string };
}

interface Answer {
  events: DirectoryEvent[];
  next: bigint;
  latest: bigint;
  oldest: bigint;
}

type Wire = Record<'next' | 'latest' | 'oldest', Whole> & { events: (Omit<DirectoryEvent, 'number'> & { number: Whole })[] };

interface State {
  events: DirectoryEvent[];
  /** Where the next page begins; nothing before the first answer. */
  next?: bigint;
  latest?: bigint;
  oldest?: bigint;
  error?: unknown;
  waiting: boolean;
}

const SIZE = 100;
/** So many of the last ones are shown at first. */
const LAST = 20n;
/** So many are shown at most; older ones leave the page. */
const SHOWN = 1_000;
const WAIT_SECONDS = 25;
const AGAIN_MILLIS = 3_000;
const NOTHING: State = { events: [], waiting: true };

async function ask(credential: Credential, query: Query, signal: AbortSignal): Promise<Answer> {
  const { events, next, latest, oldest } = await platform<Wire>(credential, '/ng/api/events', { query, signal });
  const numbered = events.map((event) => ({ ...event, number: whole(event.number) }));
  return { events: numbered, next: whole(next), latest: whole(latest), oldest: whole(oldest) };
}

export function most(...numbers: [bigint, ...bigint[]]): bigint {
  return numbers.reduce((one, other) => (one > other ? one : other));
}

/** A pause that ends at once when nobody wants it any more. */
function pause(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, millis);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
  });
}

function passing(error: unknown): boolean {
  return error instanceof Refused && (error.status === 0 || error.status === 503 || error.status === 429);
}

/** Events after `after`, or the last ones; `live` follows them by long poll until the page is left. */
export function useEvents(after: string | undefined, types: string | undefined, live: boolean) {
  const { credential } = useSession();
  const [state, setState] = useState(NOTHING);
  const [round, setRound] = useState(0);
  const place = useRef<{ of: string; next?: bigint }>({ of: '' });
  const done = useRef(0);
  const of = `${after ?? 'end'} ${types ?? ''}`;

  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    if (place.current.of !== of) {
      place.current = { of };
      setState(NOTHING);
    }
    const here = place.current;
    const take = (answer: Answer) => {
      here.next = answer.next;
      setState(({ events }) => ({
        events: [...events, ...answer.events].slice(-SHOWN),
        next: answer.next,
        latest: answer.latest,
        oldest: answer.oldest,
        waiting: false,
      }));
    };
    const step = async (wait: boolean) => {
      let from = here.next?.toString() ?? after;
      if (from === undefined) {
        const { latest, oldest } = await ask(credential, { types }, signal);
        from = most(latest - LAST, oldest - 1n, 0n).toString();
      }
      const answer = await ask(credential, { after: from, limit: SIZE, types, waitSeconds: wait ? WAIT_SECONDS : undefined }, signal);
      if (!signal.aborted) take(answer);
    };
    const run = async () => {
      do {
        try {
          await step(live && here.next !== undefined);
        } catch (error) {
          if (signal.aborted) return;
          setState((was) => ({ ...was, error, waiting: false }));
          if (!live || !passing(error)) return;
          await pause(AGAIN_MILLIS, signal);
        }
      } while (live && !signal.aborted);
    };
    // Otherwise the first page is there, and nobody asked for another one.
    if (live || here.next === undefined || round !== done.current) void run();
    done.current = round;
    return () => leaving.abort();
  }, [credential, after, types, of, live, round]);

  const more = useCallback(() => setRound((round) => round + 1), []);
  return { ...state, more };
}
