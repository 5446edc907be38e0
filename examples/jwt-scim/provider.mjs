// A real OpenID provider (npm: oidc-provider) on loopback: client_credentials grant, JWT access tokens, a JWKS
// endpoint. SIGHUP rotates its signing key: the old one disappears from the JWKS at once.
//
//   node provider.mjs [PORT]        0 or nothing: a free port
//
// Prints one line of JSON when it is up: {"issuer", "jwks_uri", "token_endpoint"}.

import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const AUDIENCE = 'urn:muster:scim';
const CLIENT = { client_id: 'identity-sync', client_secret: 'a-secret-for-this-example-only' };

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

function newProvider(issuer) {
  return new Provider(issuer, {
    jwks: { keys: [newKey()] },
    clients: [{
      ...CLIENT,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      token_endpoint_auth_method: 'client_secret_post',
    }],
    extraTokenClaims: () => ({ department: 'identity' }),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience: AUDIENCE,
          scope: '',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'RS256' } },
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
