/** Trusts for well-known issuers, as in examples/jwt-trusts: the form begins with one, and its values are put in by hand. */
import type { TrustBody } from './trust';

interface Preset {
  title: string;
  /** What to look at. */
  note: string;
  body: Omit<TrustBody, 'serviceAccount'>;
}

const TENANT = '11111111-2222-4333-8444-555555555555';
const AUDIENCE = 'https://muster.example.com';

function equals(claim: string, value: unknown) {
  return { claim, op: 'equals', value };
}

export const PRESETS: Preset[] = [
  {
    title: 'Any issuer',
    note: 'Explain a token first, and take over its iss, its aud and what is particular to your client.',
    body: {
      identifier: 'generic',
      name: 'Any issuer',
      jwks: { url: 'https://issuer.example.com/jwks' },
      issuer: 'https://issuer.example.com',
      audiences: [AUDIENCE],
      rules: [equals('sub', 'identity-sync'), { claim: 'scope', op: 'containsWord', value: 'scim' }],
    },
  },
  {
    title: 'Okta',
    note: 'An authorization server of your own and a client with client_credentials: the org’s own server makes tokens that only Okta may check. cid is the client, scp a list of scopes.',
    body: {
      identifier: 'okta',
      name: 'Okta',
      jwks: { discovery: 'https://example.okta.com/oauth2/aus1a2b3c4d5e6f7g8h9' },
      issuer: 'https://example.okta.com/oauth2/aus1a2b3c4d5e6f7g8h9',
      audiences: ['api://muster'],
      algorithms: ['RS256'],
      rules: [equals('cid', '0oa1b2c3d4e5f6g7h8i9'), { claim: 'scp', op: 'contains', value: 'scim.manage' }],
      maxLifetimeSeconds: 3_600,
    },
  },
  {
    title: 'Entra ID, an application',
    note: 'App-only tokens of version 2. aud is the id of the application that stands for Muster, azp the client. All tenants are signed with the same keys: keep the tenant in issuer and tid.',
    body: {
      identifier: 'entra',
      name: 'Entra ID application',
      jwks: { discovery: `https://login.microsoftonline.com/${TENANT}/v2.0` },
      issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
      audiences: ['aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'],
      algorithms: ['RS256'],
      rules: [equals('tid', TENANT), equals('azp', '99999999-8888-4777-8666-555555555555'), { claim: 'roles', op: 'contains', value: 'Scim.Provision' }],
      maxLifetimeSeconds: 86_400,
    },
  },
  {
    title: 'Entra ID, the provisioning service',
    note: 'What the service sends when its secret token is left empty, which Microsoft advises against but for tests. Explain a token to see which appid your tenant’s carry.',
    body: {
      identifier: 'entra_provisioning',
      name: 'Entra ID provisioning service',
      jwks: { url: `https://login.microsoftonline.com/${TENANT}/discovery/keys` },
      issuer: `https://sts.windows.net/${TENANT}/`,
      audiences: ['8adf8e6e-67b2-4cf2-a259-e3dc5476c621'],
      algorithms: ['RS256'],
      rules: [equals('tid', TENANT), equals('appid', '00000014-0000-0000-c000-000000000000')],
      maxLifetimeSeconds: 86_400,
    },
  },
  {
    title: 'Google',
    note: 'ID tokens of a service account, whose aud is chosen by who asks for them. sub is the account’s number and is never given again, an address could be.',
    body: {
      identifier: 'google',
      name: 'Google service account',
      jwks: { discovery: 'https://accounts.google.com' },
      issuer: 'https://accounts.google.com',
      audiences: [AUDIENCE],
      algorithms: ['RS256'],
      rules: [equals('sub', '107691234567890123456'), equals('email', 'identity-sync@acme-prod.iam.gserviceaccount.com'), equals('email_verified', true)],
      maxLifetimeSeconds: 3_600,
    },
  },
  {
    title: 'GitHub Actions',
    note: 'With “permissions: id-token: write”. Everybody on GitHub gets tokens of this issuer with any audience: bind repository_owner_id and a whole sub. repo:acme/* lets pull requests in.',
    body: {
      identifier: 'github_actions',
      name: 'GitHub Actions',
      jwks: { discovery: 'https://token.actions.githubusercontent.com' },
      issuer: 'https://token.actions.githubusercontent.com',
      audiences: [AUDIENCE],
      algorithms: ['RS256'],
      rules: [equals('repository_owner_id', '65123'), equals('sub', 'repo:acme/directory:environment:production')],
      maxLifetimeSeconds: 3_600,
    },
  },
  {
    title: 'GitLab CI',
    note: 'id_tokens with aud. Bind the number of the project and a protected branch. For your own GitLab write its URL.',
    body: {
      identifier: 'gitlab_ci',
      name: 'GitLab CI',
      jwks: { discovery: 'https://gitlab.com' },
      issuer: 'https://gitlab.com',
      audiences: [AUDIENCE],
      algorithms: ['RS256'],
      rules: [equals('project_id', '22123'), equals('ref_type', 'branch'), equals('ref', 'main'), equals('ref_protected', 'true')],
      maxLifetimeSeconds: 7_200,
    },
  },
  {
    title: 'Kubernetes',
    note: 'A projected token with its own audience. The API server’s CA goes into caPem (raw JSON), its address into --jwks-allow, and anonymous callers need the role system:service-account-issuer-discovery; or store the keys here.',
    body: {
      identifier: 'kubernetes',
      name: 'Kubernetes service account',
      jwks: { url: 'https://kubernetes.default.svc/openid/v1/jwks' },
      issuer: 'https://kubernetes.default.svc.cluster.local',
      audiences: ['muster'],
      algorithms: ['RS256', 'ES256'],
      rules: [equals('sub', 'system:serviceaccount:identity:sync'), equals('/kubernetes.io/namespace', 'identity')],
      maxLifetimeSeconds: 7_200,
    },
  },
  {
    title: 'Keycloak',
    note: 'A confidential client with service accounts and an audience mapper. The rule on typ keeps ID tokens out, /realm_access/roles looks into the nested roles.',
    body: {
      identifier: 'keycloak',
      name: 'Keycloak',
      jwks: { discovery: 'https://keycloak.example.com/realms/acme' },
      issuer: 'https://keycloak.example.com/realms/acme',
      audiences: ['muster'],
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      rules: [equals('azp', 'identity-sync'), equals('typ', 'Bearer'), { claim: '/realm_access/roles', op: 'contains', value: 'scim-provisioner' }],
      maxLifetimeSeconds: 3_600,
    },
  },
];
