"""A real OAuth 2.0 authorization server (PyPI: Authlib, Flask) on loopback, for the tests: client_credentials grant,
JWT access tokens (RFC 9068), a JWKS endpoint, RFC 8414 metadata under the name of OpenID Connect Discovery. SIGHUP
rotates its keys: the old ones disappear from the JWKS at once.

    python authlib_issuer.py [PORT]        0 or nothing: a free port

Client `identity-sync-rs256` gets tokens signed with RS256, and so on for ps256, es256, eddsa; `resource` (RFC 8707) is
the audience. Prints one line of JSON when it is up: {"issuer", "jwks_uri", "token_endpoint"}.
"""

import json
import signal
import sys
import threading
import uuid

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, jsonify, request
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from werkzeug.serving import WSGIRequestHandler, make_server

AUDIENCE = "urn:muster:scim"
SECRET = "a-secret-for-this-example-only"
LIFETIME_SECS = 600
MAKERS = {
    "RS256": lambda parameters: RSAKey.generate_key(2048, parameters),
    "PS256": lambda parameters: RSAKey.generate_key(2048, parameters),
    "ES256": lambda parameters: ECKey.generate_key("P-256", parameters),
    "EdDSA": lambda parameters: OKPKey.generate_key("Ed25519", parameters),
}


# Authlib signs with what joserfc recommends, which of these are RS256 and ES256.
JWSRegistry.recommended.extend(alg for alg in MAKERS if alg not in JWSRegistry.recommended)


def new_keys():
    """A key for each algorithm, with key ids that no earlier key had."""
    return {
        alg: make({"kid": str(uuid.uuid4()), "use": "sig", "alg": alg})
        for alg, make in MAKERS.items()
    }


class Client(ClientMixin):
    """A confidential client with one algorithm."""

    def __init__(self, client_id, alg):
        self.client_id = client_id
        self.alg = alg

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return ""

    def check_redirect_uri(self, redirect_uri):
        return False

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_post"

    def check_response_type(self, response_type):
        return False

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"


CLIENTS = {f"identity-sync-{alg.lower()}": Client(f"identity-sync-{alg.lower()}", alg) for alg in MAKERS}


class AccessTokens(JWTBearerTokenGenerator):
    """JWT access tokens of one algorithm, signed with the key that is current when they are made."""

    def __init__(self, issuer, alg, keys):
        super().__init__(issuer, alg, expires_generator=lambda client, grant_type: LIFETIME_SECS)
        self.keys = keys

    def get_jwks(self):
        return KeySet([self.keys()[self.alg]])

    def get_audiences(self, client, user, scope):
        return request.form.get("resource", AUDIENCE)

    def get_extra_claims(self, client, grant_type, user, scope):
        return {"department": "identity"}


class ClientCredentials(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post"]


class Quiet(WSGIRequestHandler):
    def log_request(self, *args):
        pass


def application(issuer, keys):
    app = Flask(__name__)
    server = AuthorizationServer(app, query_client=CLIENTS.get, save_token=lambda token, request: None)
    generators = {alg: AccessTokens(issuer, alg, keys) for alg in MAKERS}
    server.register_token_generator("default", lambda client, **words: generators[client.alg](client=client, **words))
    server.register_grant(ClientCredentials)

    @app.post("/token")
    def token():
        return server.create_token_response()

    @app.get("/jwks")
    def jwks():
        return jsonify({"keys": [key.as_dict(private=False) for key in keys().values()]})

    @app.get("/.well-known/openid-configuration")
    def metadata():
        return jsonify(endpoints(issuer))

    return app


def endpoints(issuer):
    return {"issuer": issuer, "jwks_uri": f"{issuer}/jwks", "token_endpoint": f"{issuer}/token"}


def rotate(current):
    while signal.sigwait({signal.SIGHUP}):
        current["keys"] = new_keys()


def main():
    current = {"keys": new_keys()}
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = make_server("127.0.0.1", port, lambda *call: current["app"](*call), threaded=True, request_handler=Quiet)
    issuer = f"http://127.0.0.1:{server.server_port}"
    current["app"] = application(issuer, lambda: current["keys"])
    # A thread of its own waits for the signal: a handler would not run while the main thread reads.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    threading.Thread(target=rotate, args=[current], daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps(endpoints(issuer)), flush=True)
    # Ends with whoever started it, even if that one is killed.
    sys.stdin.read()


main()
