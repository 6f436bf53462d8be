"""A service that answers members of Kakao Gate and nobody else.

Who asks shows an access token: `Authorization: Bearer …`. It is verified here, by the keys that
Kakao Gate publishes; Kakao Gate is not asked about each request.
"""

import json
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

# PUBLIC_URL of Kakao Gate, and its API_AUDIENCE where that is set.
ISSUER = os.environ.get("GATE_ISSUER", "http://127.0.0.1:8080")
AUDIENCE = os.environ.get("GATE_AUDIENCE", ISSUER)
PORT = int(os.environ.get("PORT", "3000"))

# The keys are kept for five minutes, and fetched again for one that is not among them.
KEYS = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", lifespan=300)
socket.setdefaulttimeout(5)


class Unavailable(Exception):
    """The keys cannot be fetched, so nobody can be told from anybody."""


def member_of(token):
    """The id of the member whose token this is.

    Raises jwt.InvalidTokenError for any other text, and Unavailable.
    """
    try:
        key = KEYS.get_signing_key_from_jwt(token)
    except jwt.PyJWKClientError as error:
        if isinstance(error.__context__, OSError):
            raise Unavailable from error
        raise jwt.InvalidTokenError("no key of this name") from error
    except (OSError, ValueError, jwt.PyJWKSetError) as error:
        raise Unavailable from error
    claims = jwt.decode(
        token,
        key.key,
        # Fixed here: what the token says about its algorithm is not followed.
        algorithms=["ES256"],
        issuer=ISSUER,
        audience=AUDIENCE,
        options={"require": ["iss", "aud", "sub", "iat", "exp"]},
    )
    # An access token, and not another JWT that the same keys may sign one day.
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("not an access token")
    return claims["sub"]


def bearer(headers):
    """The token in the one Authorization header there may be, or None."""
    sent = headers.get_all("Authorization") or []
    scheme, _, token = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
    return token if scheme.lower() == "bearer" and token else None


class Service(BaseHTTPRequestHandler):
    """Tells members who they are."""

    def do_GET(self):
        token = bearer(self.headers)
        if token is None:
            return self.answer(401, {"error": "unauthorized"}, "Bearer")
        try:
            return self.answer(200, {"member": member_of(token)})
        except jwt.InvalidTokenError:
            challenge = 'Bearer error="invalid_token"'
            return self.answer(401, {"error": "invalid_token"}, challenge)
        except Unavailable:
            return self.answer(503, {"error": "unavailable"})

    def answer(self, status, body, challenge=None):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Cache-Control", "no-store")
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    print(f"http://127.0.0.1:{PORT}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", PORT), Service).serve_forever()
