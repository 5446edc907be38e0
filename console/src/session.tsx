/** Who is signed in, with which token, and what that may do. The token lives in the tab's memory and goes with it. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { navigate } from 'wouter/use-hash-location';

import { type Credential, platform, Refused, type Scope } from './api';

export interface Whoami {
  accountIdentifier: string;
  principal: {
    type: 'USER' | 'SERVICE_ACCOUNT';
    identifier: string;
    name: string;
    email?: string | null;
    orgIdentifier?: string | null;
    projectIdentifier?: string | null;
  };
  credential: {
    type: 'PAT' | 'SAT' | 'OAT' | 'JWT';
    expiresAt?: number | null;
    surfaces?: string[] | null;
    tokenId?: string;
    trust?: string;
  };
  permissions: { account: string[]; elsewhere: string[] };
}

interface Session {
  credential: Credential;
  whoami: Whoami;
  /** The token has ended, in the words of the server: until there is another one, nothing is asked. */
  ended: string | undefined;
  /** Holds the permission for the account as a whole, or for something in it. What the server says counts. */
  can: (permission: string) => boolean;
  scope: Scope;
  setScope: (scope: Scope) => void;
  signOut: () => void;
}

interface Door {
  session: Session | undefined;
  /** With another token of who is signed in, the pages go on as they are. Says why it did not work, by an exception. */
  signIn: (credential: Credential) => Promise<void>;
  /** Why the person was signed out. */
  farewell: string | undefined;
  /** There is a token, and the server could not be asked about it. */
  trouble: Error | undefined;
  /** There is a token, and the answer about it is on its way. */
  waiting: boolean;
}

const KEY = 'muster.credential';
const PLACE = 'muster.scope';
const Context = createContext<Door | undefined>(undefined);

/** What the tab remembers over a reload. */
function remembered<T>(key: string): T | undefined {
  try {
    const text = sessionStorage.getItem(key);
    return text ? (JSON.parse(text) as T) : undefined;
  } catch {
    return undefined;
  }
}

export function whoamiOf(credential: Credential): Promise<Whoami> {
  return platform<Whoami>(credential, '/ng/api/whoami');
}

/** The same for all tokens of one. */
export function personOf({ accountIdentifier, principal }: Whoami): string {
  return JSON.stringify([accountIdentifier, principal.type, principal.identifier, principal.orgIdentifier, principal.projectIdentifier]);
}

/** The account that a token names, if it does: `pat.acme.…`. */
export function accountOf(token: string): string | undefined {
  return /^(?:pat|sat)\.([A-Za-z0-9_-]+)\./.exec(token.trim())?.[1];
}

/** The token does not hold any more. */
function isLost(error: Error | null): error is Refused {
  return error instanceof Refused && error.status === 401;
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [credential, setCredential] = useState(() => remembered<Credential>(KEY));
  const [scope, place] = useState<Scope>(() => remembered<Scope>(PLACE) ?? {});
  const [farewell, setFarewell] = useState<string>();
  const [renewals, setRenewals] = useState(0);

  const setScope = useCallback((wanted: Scope) => {
    sessionStorage.setItem(PLACE, JSON.stringify(wanted));
    place(wanted);
  }, []);
  const leave = useCallback(
    (why?: string) => {
      sessionStorage.removeItem(KEY);
      sessionStorage.removeItem(PLACE);
      client.clear();
      setCredential(undefined);
      place({});
      setFarewell(why);
    },
    [client],
  );
  const signIn = useCallback(
    async (wanted: Credential) => {
      // The browser would not send it, and say no more than that.
      if (!/^[\x21-\x7e]+$/.test(wanted.token)) throw new Error('A token has neither blanks nor letters beyond ASCII: copy it anew, and whole.');
      const whoami = await whoamiOf(wanted);
      if (whoami.credential.surfaces && !whoami.credential.surfaces.includes('platform')) {
        throw new Error('This token opens SCIM only. Sign in with one that opens the platform API, too.');
      }
      const before = client.getQueryData<Whoami>(['whoami']);
      const goesOn = before !== undefined && personOf(before) === personOf(whoami);
      if (!goesOn) client.clear();
      // An answer about the token before would come too late.
      await client.cancelQueries({ queryKey: ['whoami'] });
      client.setQueryData(['whoami'], whoami);
      sessionStorage.setItem(KEY, JSON.stringify(wanted));
      setFarewell(undefined);
      setCredential(wanted);
      if (goesOn) {
        setRenewals((times) => times + 1);
        return;
      }
      if (before) {
        setScope({});
        navigate('/');
      }
      // A service account begins where it lives: above it may have no rights at all.
      const { orgIdentifier: org, projectIdentifier: project } = whoami.principal;
      if (org) setScope({ org, ...(project && { project }) });
    },
    [client, setScope],
  );

  const asked = useQuery({
    queryKey: ['whoami'],
    queryFn: () => (credential ? whoamiOf(credential) : Promise.reject(new Error('nobody'))),
    enabled: ({ state: { error } }) => credential !== undefined && !isLost(error),
    // What one may do can change at any time; the server decides, this only says what to show.
    refetchInterval: 60_000,
    staleTime: 30_000,
  });
  const whoami = asked.data;
  const ended = isLost(asked.error) ? asked.error.message : undefined;
  // Where pages are shown, they stay: something may be written on one of them.
  const lost = whoami ? undefined : ended;
  useEffect(() => {
    if (lost !== undefined) leave(lost);
  }, [lost, leave]);
  // By now the pages have the new token, and ask by it; what is still asked by the one before is not waited for.
  useEffect(() => {
    if (renewals > 0) void client.invalidateQueries({ predicate: ({ queryKey: [path] }) => path !== 'whoami' });
  }, [renewals, client]);

  const trouble = credential && !whoami ? (asked.error ?? undefined) : undefined;
  const session = useMemo<Session | undefined>(() => {
    if (!credential || !whoami) return undefined;
    const held = new Set([...whoami.permissions.account, ...whoami.permissions.elsewhere]);
    return {
      credential,
      whoami,
      ended,
      can: (permission) => held.has(permission),
      scope,
      setScope,
      signOut: () => leave(),
    };
  }, [credential, whoami, ended, scope, setScope, leave]);

  return <Context.Provider value={{ session, signIn, farewell, trouble, waiting: credential !== undefined && !whoami && !trouble }}>{children}</Context.Provider>;
}

export function useDoor(): Door {
  const door = useContext(Context);
  if (!door) throw new Error('outside of the session');
  return door;
}

/** The session of a page, which is shown only where there is one. */
export function useSession(): Session {
  const { session } = useDoor();
  if (!session) throw new Error('nobody is signed in');
  return session;
}
