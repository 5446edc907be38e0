/** Users and groups as SCIM has them, with the members that the pages use. */

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

export interface Email {
  value?: string;
  type?: string;
  primary?: boolean;
  display?: string;
}

export interface Membership {
  value: string;
  display?: string;
  type?: 'direct' | 'indirect';
}

export interface Meta {
  created: string;
  lastModified: string;
  version?: string;
}

export interface Enterprise {
  employeeNumber?: string;
  organization?: string;
  division?: string;
  department?: string;
  costCenter?: string;
  manager?: { value?: string };
}

export interface User {
  id: string;
  userName: string;
  externalId?: string;
  displayName?: string;
  title?: string;
  name?: { givenName?: string; familyName?: string; formatted?: string };
  emails?: Email[];
  active?: boolean;
  groups?: Membership[];
  meta: Meta;
  [ENTERPRISE]?: Enterprise;
}

export interface Group {
  id: string;
  displayName: string;
  externalId?: string;
  meta: Meta;
}

export interface Operation {
  op: 'add' | 'replace' | 'remove';
  path: string;
  value?: unknown;
}

export function patchOf(operations: Operation[]): unknown {
  return { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations };
}

/** A text in a filter: JSON's escapes are those of SCIM (RFC 7644 §3.4.2.2). */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

export function userFilter(text: string): string {
  return `userName co ${quoted(text)} or displayName co ${quoted(text)} or emails.value co ${quoted(text)}`;
}

export function groupFilter(text: string): string {
  return `displayName co ${quoted(text)}`;
}

/** What a person is called where there is room for one name. */
export function nameOf(user: User): string {
  const { formatted, givenName, familyName } = user.name ?? {};
  return user.displayName || formatted || [givenName, familyName].filter(Boolean).join(' ');
}

export function emailOf(user: User): string {
  return (user.emails?.find((email) => email.primary) ?? user.emails?.[0])?.value ?? '';
}

export function userPath(id: string): string {
  return `/users/${encodeURIComponent(id)}`;
}

export function groupPath(id: string): string {
  return `/groups/${encodeURIComponent(id)}`;
}
