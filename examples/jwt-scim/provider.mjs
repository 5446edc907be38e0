// A real OpenID provider (npm: oidc-provider) on loopback: client_credentials grant, JWT access tokens, a JWKS
// endpoint. SIGHUP rotates its signing keys: the old ones disappear from the JWKS at once.
//
//   node provider.mjs [PORT]        0 or nothing: a free port
//
// Client `identity-sync` gets tokens signed with RS256, `identity-sync-ps256`, `-es256` and `-eddsa` (and `-rs256`) with
// what their names say; `resource` (RFC 8707) is the audience.
// Prints one line of JSON when it is up: {"issuer", "jwks_uri", "token_endpoint"}.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const AUDIENCE = 'urn:muster:scim';
const CLIENT = 'identity-sync';
const SECRET = 'a-secret-for-this-example-only';
const KEYS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};
const ALGORITHMS = { [CLIENT]: 'RS256' };
for (const alg of Object.keys(KEYS)) ALGORITHMS[`${CLIENT}-${alg.toLowerCase()}`] = alg;

function newKey([alg, [type, options]]) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg };
}

function newProvider(issuer) {
  return new Provider(issuer, {
    jwks: { keys: Object.entries(KEYS).map(newKey) },
    clients: Object.keys(ALGORITHMS).map((client_id) => ({
      client_id,
      client_secret: SECRET,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      token_endpoint_auth_method: 'client_secret_post',
    })),
    extraTokenClaims: () => ({ department: 'identity' }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, audience, client) => ({
          audience,
          scope: '',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: ALGORITHMS[client.clientId] } },
        }),
      },
    },
  });
}

let handle;
const server = createServer((request, response) => handle(request, response));
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const start = () => { handle = newProvider(issuer).callback(); };
  start();
  process.on('SIGHUP', start);
  console.log(JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks`, token_endpoint: `${issuer}/token` }));
});

// Ends with whoever started it, even if that one is killed.
process.stdin.on('end', () => process.exit(0)).resume();
