"""A small OpenID provider, run as a process: discovery, keys, authorisation code with PKCE, token. For tests only."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, cast
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = sys.argv[1:3]


class State:
    """What the provider knows."""

    key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    who: ClassVar[dict[str, Any]] = {}
    how: ClassVar[dict[str, Any]] = {}
    codes: ClassVar[dict[str, dict[str, str]]] = {}


def token(issuer: str, nonce: str) -> str:
    """The ID token of whoever is next, spoilt as it was asked."""
    now = int(time.time())
    claims = {"iss": issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce, **State.who}
    claims |= State.how.get("claims", {})
    claims = {name: value for name, value in claims.items() if value is not None}
    kind = State.how.get("key", "")
    if State.how.get("rotate"):
        State.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})
    if kind == "foreign":
        other = RSAKey.generate_key(2048, {"kid": str(State.key.kid)})
        return str(jwt.encode({"alg": "RS256", "kid": State.key.kid}, claims, other))
    if kind == "secret":
        return str(jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET * 3)))
    if kind == "none":
        parts = ({"alg": "none"}, claims)
        return ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts) + "."
    return str(jwt.encode({"alg": "RS256", "kid": State.key.kid}, claims, State.key))


class Handler(BaseHTTPRequestHandler):
    """The provider's addresses."""

    def log_message(self, *_: Any) -> None:
        """Be quiet."""

    @property
    def issuer(self) -> str:
        """Its own name."""
        return f"http://127.0.0.1:{cast(ThreadingHTTPServer, self.server).server_port}"

    def tell(self, body: Any, status: int = 200) -> None:
        """Answer JSON."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        """Discovery, keys, authorisation."""
        parts = urlsplit(self.path)
        if parts.path == "/.well-known/openid-configuration":
            self.tell(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/keys",
                }
            )
        elif parts.path == "/keys":
            self.tell({"keys": [State.key.as_dict(private=False)]})
        elif parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if (
                asked.get("client_id") != CLIENT
                or asked.get("response_type") != "code"
                or "openid" not in asked["scope"]
            ):
                self.tell({"error": "invalid_request"}, 400)
                return
            code = secrets.token_urlsafe(16)
            State.codes[code] = asked
            self.send_response(302)
            back = urlencode({"code": code, "state": asked["state"], "iss": self.issuer})
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.tell({"error": "not_found"}, 404)

    def do_POST(self) -> None:
        """Token; and, for the test, who is next."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/next":
            said = json.loads(body)
            State.who, State.how = said["claims"], said["how"]
            self.tell({})
            return
        given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        kind, _, pair = self.headers.get("Authorization", "").partition(" ")
        client, _, secret = base64.b64decode(pair or "").decode().partition(":")
        asked = State.codes.pop(given.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(given.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if kind != "Basic" or (unquote(client), unquote(secret)) != (CLIENT, SECRET):
            self.tell({"error": "invalid_client"}, 401)
        elif (
            asked is None
            or given.get("redirect_uri") != asked["redirect_uri"]
            or proof.decode() != asked["code_challenge"]
        ):
            self.tell({"error": "invalid_grant"}, 400)
        else:
            self.tell({"access_token": "x", "token_type": "Bearer", "id_token": token(self.issuer, asked["nonce"])})


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
