/** Who may do what, and where: what the pages of service accounts, roles, resource groups and assignments share. */
import type { Page, Query, Scope } from '../api';
import { type Credential, platform } from '../api';

export type PrincipalType = 'USER' | 'USER_GROUP' | 'SERVICE_ACCOUNT';

/** The kinds of principal, with what seeing them and giving them roles asks for. */
export const KINDS: Record<PrincipalType, { name: string; view: string; manage: string }> = {
  USER: { name: 'User', view: 'core_user_view', manage: 'core_user_manage' },
  USER_GROUP: { name: 'User group', view: 'core_usergroup_view', manage: 'core_usergroup_manage' },
  SERVICE_ACCOUNT: { name: 'Service account', view: 'core_serviceaccount_view', manage: 'core_serviceaccount_edit' },
};

export const KIND_NAMES = Object.keys(KINDS) as PrincipalType[];

/** Where something lives, as answers say it. */
export interface Place {
  orgIdentifier?: string | null;
  projectIdentifier?: string | null;
  orgName?: string | null;
  projectName?: string | null;
}

export function scopeOf(place: Place): Scope {
  return {
    ...(place.orgIdentifier && { org: place.orgIdentifier }),
    ...(place.projectIdentifier && { project: place.projectIdentifier }),
  };
}

export function levelOf({ org, project }: Scope): 'account' | 'organization' | 'project' {
  return project ? 'project' : org ? 'organization' : 'account';
}

export function sameScope(one: Scope, other: Scope): boolean {
  return one.org === other.org && one.project === other.project;
}

export function placeName(place: Place): string {
  if (!place.orgIdentifier) return 'Account';
  const organization = place.orgName ?? place.orgIdentifier;
  return place.projectIdentifier ? `${organization} / ${place.projectName ?? place.projectIdentifier}` : organization;
}

/** Something to choose: what is sent, what is shown, and a line to tell it from others. */
export interface Choice {
  value: string;
  label: string;
  about?: string;
}

/** A list of the server that one thing, or several, are chosen from. */
export interface Source {
  path: string;
  /** Tells lists of one path apart, whose choices are not the same. */
  kind: string;
  scope: Scope;
  ask: (credential: Credential, searchTerm: string, signal: AbortSignal) => Promise<Choice[]>;
}

/** What a list shows while one types; the rest is found by typing more. */
const SHOWN = 20;

function listed<T>(path: string, scope: Scope, choice: (item: T) => Choice, query: Query = {}): Source {
  return {
    path,
    kind: JSON.stringify(query),
    scope,
    ask: async (credential, searchTerm, signal) => {
      const page = await platform<Page<T>>(credential, path, {
        query: { sortOrders: 'name,ASC', ...query, searchTerm, pageSize: SHOWN },
        scope,
        signal,
      });
      return page.content.map(choice);
    },
  };
}

interface Named extends Place {
  identifier: string;
  name: string;
}

const named = ({ identifier, name }: Named): Choice => ({ value: identifier, label: name, about: identifier });

/** What lives in a scope above has its level before the identifier: the same one may be there twice. */
const leveled = (one: Named): Choice => ({ ...named(one), value: `${levelOf(scopeOf(one))}:${one.identifier}` });

export function roleSource(scope: Scope): Source {
  return listed<{ role: Named }>('/authz/api/roles', scope, ({ role }) => named(role));
}

export function resourceGroupSource(scope: Scope): Source {
  return listed<{ resourceGroup: Named }>('/authz/api/v2/resourcegroup', scope, ({ resourceGroup }) => named(resourceGroup));
}

export function organizationSource(): Source {
  return listed<{ organization: Named }>('/ng/api/organizations', {}, ({ organization }) => named(organization));
}

/** Of a project without its organization there may be several. */
export function projectSource(scope: Scope): Source {
  return listed<{ project: Named }>('/ng/api/projects', scope, ({ project }) => {
    const path = `${project.orgIdentifier ?? ''}/${project.identifier}`;
    return { value: path, label: project.name, about: path };
  });
}

/**
 * Users are of the account, wherever they get a role. Before anything is typed those who changed last are shown: there may be
 * a million, and the server finds these without looking at the others.
 */
export function userSource(scope: Scope): Source {
  const path = '/ng/api/user/batch';
  return {
    path,
    kind: 'users',
    scope,
    ask: async (credential, searchTerm, signal) => {
      const page = await platform<Page<{ uuid: string; name: string; email: string; disabled: boolean }>>(credential, path, {
        method: 'POST',
        body: { searchTerm, parentFilter: 'INCLUDE_PARENT_SCOPES' },
        query: { pageSize: SHOWN, ...(searchTerm && { sortOrders: 'name,ASC' }) },
        scope,
        signal,
      });
      return page.content.map((user) => ({
        value: user.uuid,
        label: user.name || user.email,
        about: user.disabled ? `${user.email} · inactive` : user.email,
      }));
    },
  };
}

export function groupSource(scope: Scope, inherited = false): Source {
  const query = inherited ? { filterType: 'INCLUDE_INHERITED_GROUPS' } : {};
  return listed<Named>('/ng/api/user-groups', scope, inherited ? leveled : named, query);
}

export function serviceAccountSource(scope: Scope, inherited = false): Source {
  const query = inherited ? { filterType: 'INCLUDE_INHERITED_SERVICE_ACCOUNTS' } : {};
  const choice = inherited ? leveled : named;
  return listed<{ serviceAccount: Named }>('/ng/api/serviceaccount/aggregate', scope, ({ serviceAccount }) => choice(serviceAccount), query);
}

export function principalSource(type: PrincipalType, scope: Scope): Source {
  if (type === 'USER') return userSource(scope);
  return type === 'USER_GROUP' ? groupSource(scope, true) : serviceAccountSource(scope, true);
}

export interface Principal {
  type: PrincipalType;
  identifier: string;
  scopeLevel?: string;
}

export function principalOf(type: PrincipalType, { value }: Choice): Principal {
  if (type === 'USER') return { type, identifier: value };
  const colon = value.indexOf(':');
  return { type, scopeLevel: value.slice(0, colon), identifier: value.slice(colon + 1) };
}

/** The other way round: the value of the choice that stands for it. */
export function choiceOf({ type, identifier, scopeLevel }: Principal): string {
  return type === 'USER' ? identifier : `${scopeLevel ?? ''}:${identifier}`;
}
