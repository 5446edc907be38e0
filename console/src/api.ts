/** The one way to the server: the public JSON API of the same origin, with the credential of the session. */

import { readJson } from './json';

/** Where the server's paths begin: above the page, with what a proxy puts before both. No slash at its end. */
export const SERVER = new URL('..', location.href).href.replace(/\/$/, '');

export interface Credential {
  token: string;
  account: string;
}

/** Where a call acts: the account alone, an organization, or a project of one. */
export interface Scope {
  org?: string;
  project?: string;
}

/** A field of a body that breaks a rule. */
export interface FieldError {
  fieldId: string;
  error: string;
}

/** The server's refusal, in its own words. `status` 0: it did not answer. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | undefined,
    readonly requestId: string | undefined,
    readonly fields: FieldError[] = [],
  ) {
    super(message);
  }
}

/** What it was about is not there any more, whatever was read of it before. */
export function isGone(error: unknown): boolean {
  return error instanceof Refused && error.status === 404;
}

export interface Page<T> {
  content: T[];
  pageIndex: number;
  pageSize: number;
  totalPages: number;
  totalItems: number;
}

export interface ScimList<T> {
  Resources?: T[];
  totalResults: number;
  itemsPerPage: number;
  startIndex: number;
}

export type Query = Record<string, string | number | boolean | string[] | undefined>;

interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Of what stands at this path of the server. */
export function url(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one));
  }
  const text = parameters.toString();
  return SERVER + (text ? `${path}?${text}` : path);
}

async function answer(path: string, call: Call, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(url(path, call.query), {
      method: call.method ?? 'GET',
      headers: { ...headers, ...call.headers },
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal: call.signal ?? null,
      // The token is the only credential.
      credentials: 'omit',
      cache: 'no-store',
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Refused(0, 'The server does not answer. Is it running, and is the network up?', undefined, undefined);
  }
}

/** What the answer says, or nothing where it is no JSON: something between here and the server answered. */
async function read(response: Response): Promise<Record<string, unknown> | undefined> {
  const text = await response.text().catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Refused(0, 'The answer of the server broke off.', undefined, undefined);
  });
  if (!text) return {};
  try {
    return readJson(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function refusal(response: Response, body: Record<string, unknown> | undefined): Refused {
  const said = body?.['message'] ?? body?.['detail'];
  const silent = body ? `The server answered ${response.status} without a reason.` : `What answered (${response.status}) was no JSON: something between here and the server, such as a proxy?`;
  const message = typeof said === 'string' && said ? said : silent;
  const code = body?.['code'] ?? body?.['scimType'];
  return new Refused(
    response.status,
    message,
    typeof code === 'string' ? code : undefined,
    response.headers.get('x-request-id') ?? undefined,
    (body?.['errors'] as FieldError[] | null | undefined) ?? [],
  );
}

/** A call of the platform API; what it gives is the answer's `data`. `scope` goes into the query. */
export async function platform<T>(credential: Credential, path: string, call: Call & { scope?: Scope } = {}): Promise<T> {
  return (await platformTagged<T>(credential, path, call)).resource;
}

/** The same with the version of what it is about, for `If-Match`. */
export async function platformTagged<T>(
  credential: Credential,
  path: string,
  call: Call & { scope?: Scope } = {},
): Promise<{ resource: T; etag: string | undefined }> {
  const { org, project } = call.scope ?? {};
  const query = {
    accountIdentifier: credential.account,
    orgIdentifier: org,
    projectIdentifier: project,
    ...call.query,
  };
  const headers: Record<string, string> = { 'x-api-key': credential.token };
  if (call.body !== undefined) headers['content-type'] = 'application/json';
  const response = await answer(path, { ...call, query }, headers);
  const body = await read(response);
  if (!response.ok || !body) throw refusal(response, body);
  return { resource: body['data'] as T, etag: response.headers.get('etag') ?? undefined };
}

/** Where the account's SCIM API is; what an identity provider wants to know. */
export function scimBase({ account }: Credential): string {
  return `${SERVER}/scim/v2/${encodeURIComponent(account)}`;
}

export interface ScimAnswer<T> {
  resource: T;
  etag: string | undefined;
}

/** A call of the account's SCIM API; `path` begins behind the base, as `/Users`. */
export async function scim<T>(credential: Credential, path: string, call: Call = {}): Promise<ScimAnswer<T>> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${credential.token}`,
    accept: 'application/scim+json',
    // By this the provisioning log tells what people look at from what identity providers do.
    'muster-client': 'console',
  };
  if (call.body !== undefined) headers['content-type'] = 'application/scim+json';
  const response = await answer(`/scim/v2/${encodeURIComponent(credential.account)}${path}`, call, headers);
  const body = await read(response);
  if (!response.ok || !body) throw refusal(response, body);
  return { resource: body as T, etag: response.headers.get('etag') ?? undefined };
}

/** A route without envelope and without credential. */
export async function open<T>(path: string, call: Call = {}): Promise<T> {
  const headers: Record<string, string> = call.body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await answer(path, call, headers);
  const body = await read(response);
  if (!response.ok || !body) throw refusal(response, body);
  return body as T;
}
