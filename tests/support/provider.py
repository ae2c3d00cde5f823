"""A provider of OpenID Connect on this machine, as strict as a real one: redirect addresses, secrets and verifiers are
checked, and a code is good once. A test says what it signs instead, to see whether that is believed."""

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tocsin.sso.proof import challenge

CLIENT, SECRET = "tocsin:console", "s3cret/of+the client"
KEYS = [RSAKey.generate_key(2048, {"kid": f"key-{number}"}) for number in range(3)]


@dataclass
class Provider:
    """Who is there, and what it says. Codes that it gave are kept until they are redeemed."""

    url: str
    back: str
    now: datetime
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEYS[0])
    shown: list[RSAKey] = field(default_factory=lambda: [KEYS[0]])
    codes: dict[str, tuple[dict[str, str], str]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    otherwise: dict[str, Any] = field(default_factory=dict)  # claims in the place of the true ones; None: left out
    header: dict[str, Any] = field(default_factory=dict)
    forged: str = ""  # an ID token in the place of the one that would be signed
    elsewhere: dict[str, Any] = field(default_factory=dict)  # in the description
    told: dict[str, Any] = field(default_factory=dict)  # by userinfo
    is_down: bool = False
    seen: timedelta = timedelta(hours=1)  # how long ago people signed in there, unless they are asked to do it again
    tells_when: bool = True
    numbers: Iterator[int] = field(default_factory=count)

    def consent(self, address: str, person: str) -> str:
        """What somebody does there: agrees, and is sent back to this address. Fails for a request that is not right."""
        asked = dict(parse_qsl(urlsplit(address).query, strict_parsing=True))
        assert address.startswith(f"{self.url}/authorize?"), address
        assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT, self.back)
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert "openid" in asked["scope"].split() and len(asked["code_challenge"]) == 43
        assert ("prompt" in asked) == ("max_age" in asked) and asked.get("prompt", "login") == "login"
        assert len(asked["state"]) >= 32 and len(asked["nonce"]) >= 32 and asked["state"] != asked["nonce"]
        code = f"code-{len(self.codes)}-{asked['state'][:6]}"
        self.codes[code] = asked, person
        return f"/signin/sso/back?code={code}&state={asked['state']}"

    def part(self, address: str, person: str) -> str:
        """Somebody is signed out there, and sent back to this address. Fails for a request that is not right."""
        assert address.startswith(f"{self.url}/logout?"), address
        asked = dict(parse_qsl(urlsplit(address).query, strict_parsing=True))
        known = jwt.decode(asked.pop("id_token_hint"), self.key, algorithms=["RS256"]).claims
        assert (known["iss"], known["aud"], known["sub"]) == (self.url, CLIENT, person)
        assert asked == {"client_id": CLIENT, "post_logout_redirect_uri": self.back.replace("/sso/back", "")}
        return "/signin"

    def logout_token(self, **otherwise: Any) -> str:
        """Its word that it has signed somebody out, or that word with some of it otherwise; None: left out."""
        at = int(self.now.timestamp())
        claims = {"iss": self.url, "aud": CLIENT, "iat": at, "exp": at + 120, "jti": f"out-{next(self.numbers)}"}
        claims |= {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, **otherwise}
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid, "typ": "logout+jwt"}, kept, self.key)

    # ---- What it answers ----

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/logout",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            **self.elsewhere,
        }

    def redeem(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """A code for tokens, once, for whoever has both secrets."""
        by_post = "client_secret_post" in self.description()["token_endpoint_auth_methods_supported"]
        basic = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        shown = (form.get("client_id"), form.get("client_secret")) if by_post else tuple(map(unquote, basic[::2]))
        if shown != (CLIENT, SECRET) or bool(authorization) == by_post:
            return 401, {"error": "invalid_client"}
        asked, person = self.codes.pop(form.get("code", ""), ({}, ""))
        is_right = asked.get("code_challenge") == challenge(form.get("code_verifier", ""))
        if form.get("grant_type") != "authorization_code" or not is_right or form.get("redirect_uri") != self.back:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": f"at-{person}", "token_type": "Bearer", "id_token": self.signed(asked, person)}

    def signed(self, asked: Mapping[str, str], person: str) -> str:
        at = int(self.now.timestamp())
        claims = {"iss": self.url, "sub": person, "aud": CLIENT, "nonce": asked["nonce"], "iat": at, "exp": at + 300}
        claims["sid"] = f"sid-{asked['state'][:12]}"
        if "max_age" in asked and self.tells_when:
            claims["auth_time"] = at if asked.get("prompt") == "login" else at - int(self.seen.total_seconds())
        claims = {**claims, **self.people[person], **self.otherwise}
        kept = {name: value for name, value in claims.items() if value is not None}
        return self.forged or jwt.encode({"alg": "RS256", "kid": self.key.kid, **self.header}, kept, self.key)


@contextmanager
def providing(back: str, now: datetime) -> Iterator[Provider]:
    server = _Serving(("127.0.0.1", 0), _Answering)
    there = server.there = Provider(f"http://127.0.0.1:{server.server_port}", back, now)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Serving(ThreadingHTTPServer):
    daemon_threads = True
    there: Provider


class _Answering(BaseHTTPRequestHandler):
    @property
    def there(self) -> Provider:
        assert isinstance(self.server, _Serving)
        return self.server.there

    def do_GET(self) -> None:
        there, path = self.there, urlsplit(self.path).path
        there.asked[path] += 1
        if there.is_down:
            self._say(503, {})
        elif path == "/.well-known/openid-configuration":
            self._say(200, there.description())
        elif path == "/keys":
            self._say(200, {"keys": [one.as_dict(private=False, alg="RS256", use="sig") for one in there.shown]})
        elif path == "/userinfo":
            person = self.headers.get("Authorization", "").removeprefix("Bearer at-")
            self._say(200, {"sub": person, **there.told})
        else:
            self._say(404, {})

    def do_POST(self) -> None:
        there, path = self.there, urlsplit(self.path).path
        there.asked[path] += 1
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[-1] for name, values in parse_qs(body, strict_parsing=True).items()}
        self._say(*(there.redeem(form, self.headers.get("Authorization", "")) if path == "/token" else (404, {})))

    def _say(self, status: int, said: Mapping[str, Any]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Tests say what went wrong by themselves."""
