"""Asking the provider: what it says of itself, its keys, and what a code stands for.

Everything is asked in the thread of whoever signs in, within seconds, and nothing that redirects is followed.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import msgspec
from joserfc.jwk import KeySet

from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.ids import new_secret
from tocsin.sso import proof
from tocsin.sso.model import ATTEMPT_LASTS, Attempt, Farewell, NoAnswer, NotVouchedFor, Somebody, Terms

log = logging.getLogger(__name__)

WELL_KNOWN = "/.well-known/openid-configuration"
BACK = "/signin/sso/back"
OUT = "/signin"
LONGEST_HINT = 4000  # letters of a proof that an address still carries
WAIT = 5.0  # seconds for an answer
KEPT_FOR = timedelta(hours=1)  # what a provider says of itself
STALE_FOR = timedelta(days=1)  # the same, while it can't be asked again
KEYS_EVERY = timedelta(minutes=1)
MOST_BYTES = 512 * 1024


@dataclass(frozen=True)
class Described:
    """What the provider says of itself."""

    authorize: str
    token: str
    jwks: str
    userinfo: str
    farewell: str  # where one signs out
    by_post: bool  # takes the client's secret in the body alone
    names_itself: bool  # says at the way back who it is


@dataclass(frozen=True)
class Departure:
    """Where the browser goes, and what it keeps meanwhile."""

    address: str
    attempt: Attempt


class Provider:
    """The provider of an installation. What it says is kept for a while; a down provider is told from a wrong one."""

    def __init__(self, terms: Terms, secret: str, base_url: str, now: Callable[[], datetime]) -> None:
        self.terms = terms
        self._secret = secret
        self._back = f"{base_url}{BACK}"
        self._out = f"{base_url}{OUT}"
        self.now = now
        self._lock = threading.Lock()
        self._described: tuple[datetime, Described] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    # ---- There ----

    def depart(self, onward: str, again: str = "") -> Departure:
        """Begin: with PKCE, a state and a nonce of this one attempt. Raises NoAnswer.

        Whoever goes there `again` is asked there who they are, however short ago they came in.
        """
        there = self._describe()
        attempt = Attempt(new_secret(), new_secret(), new_secret() + new_secret(), onward, to_millis(self.now()), again)
        asked = {
            "response_type": "code",
            "client_id": self.terms.client_id,
            "redirect_uri": self._back,
            "scope": self.terms.scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": proof.challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        if again:
            asked |= {"prompt": "login", "max_age": "0"}
        joint = "&" if urlsplit(there.authorize).query else "?"
        return Departure(f"{there.authorize}{joint}{urlencode(asked)}", attempt)

    # ---- And back ----

    def is_fresh(self, attempt: Attempt) -> bool:
        return from_millis(attempt.begun) <= self.now() < from_millis(attempt.begun) + ATTEMPT_LASTS

    def is_since(self, attempt: Attempt, who: Somebody) -> bool:
        """Whether they signed in there since this attempt began."""
        return proof.is_since(who, from_millis(attempt.begun))

    def arrive(self, attempt: Attempt, code: str, issuer: str | None) -> Somebody:
        """Whom the provider vouches for with this code. Raises NotVouchedFor, and NoAnswer."""
        there = self._describe()
        if (issuer is None and there.names_itself) or issuer not in (None, self.terms.issuer):
            raise NotVouchedFor("This answer is by another provider than the one that was asked.")
        given = self._redeem(there, attempt, code)
        id_token = given.get("id_token")
        if not isinstance(id_token, str):
            raise NotVouchedFor("The provider sent no ID token; is openid among the scopes?")
        claims = self._checked(there, id_token, attempt.nonce)
        found = proof.somebody(self._completed(there, claims, given.get("access_token")), self.terms)
        return replace(found, id_token=id_token)

    # ---- And out again ----

    def way_out(self, id_token: str) -> str:
        """Where a browser is signed out there too, and comes back from; empty where the provider has no such place, or
        does not say so now: nobody is kept in here because of that."""
        try:
            there = self._describe()
        except NoAnswer:
            return ""
        if not there.farewell:
            return ""
        asked = {"client_id": self.terms.client_id, "post_logout_redirect_uri": self._out}
        if len(id_token) <= LONGEST_HINT:
            asked["id_token_hint"] = id_token
        joint = "&" if urlsplit(there.farewell).query else "?"
        return f"{there.farewell}{joint}{urlencode(asked)}"

    def told_out(self, logout_token: str) -> Farewell:
        """Whom the provider says that it has signed out. Raises NotVouchedFor, and NoAnswer."""
        there = self._describe()
        known = self._known_keys(there)
        try:
            return proof.farewell(logout_token, known, self.terms, now=self.now())
        except proof.UnknownKey:
            newer = self._known_keys(there, anew=True)
            if newer is known:
                raise
            return proof.farewell(logout_token, newer, self.terms, now=self.now())

    def _redeem(self, there: Described, attempt: Attempt, code: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": attempt.verifier,
        }
        authorization: dict[str, str] = {}
        if self._secret and not there.by_post:
            basic = httpx2.BasicAuth(quote(self.terms.client_id, safe=""), quote(self._secret, safe=""))
            request = next(basic.auth_flow(httpx2.Request("POST", there.token)))
            authorization["Authorization"] = request.headers["Authorization"]
        else:
            form |= {"client_id": self.terms.client_id} | ({"client_secret": self._secret} if self._secret else {})
        status, said = self._ask("POST", there.token, data=form, headers=authorization)
        if status != 200:
            word = said.get("error")
            why = f" ({word})" if isinstance(word, str) and word.isascii() and word.replace("_", "").isalpha() else ""
            log.warning("the provider of single sign-on refused a code: HTTP %d%s", status, why)
            raise NotVouchedFor(f"The provider takes this sign-in back{why}. Begin again.")
        return said

    def _checked(self, there: Described, id_token: str, nonce: str) -> dict[str, Any]:
        known = self._known_keys(there)
        try:
            return proof.checked(id_token, known, self.terms, nonce=nonce, now=self.now())
        except proof.UnknownKey:
            newer = self._known_keys(there, anew=True)
            if newer is known:
                raise
            return proof.checked(id_token, newer, self.terms, nonce=nonce, now=self.now())

    def _completed(self, there: Described, claims: dict[str, Any], access: object) -> dict[str, Any]:
        """With what the provider tells only when it is asked again; it must be about the same person."""
        wanted = {"email", self.terms.groups_claim}
        if not there.userinfo or not isinstance(access, str) or wanted <= claims.keys():
            return claims
        status, more = self._ask("GET", there.userinfo, headers={"Authorization": f"Bearer {access}"})
        if status != 200:
            return claims
        if more.get("sub") != claims["sub"]:
            raise NotVouchedFor("The provider tells of somebody else than it vouched for.")
        return {**more, **claims}

    # ---- What it says of itself ----

    def _describe(self) -> Described:
        with self._lock:
            now = self.now()
            if self._described and now - self._described[0] < KEPT_FOR:
                return self._described[1]
            try:
                found = self._read_description()
            except NoAnswer:
                if self._described and now - self._described[0] < STALE_FOR:
                    return self._described[1]
                raise
            self._described = now, found
            return found

    def _read_description(self) -> Described:
        status, said = self._ask("GET", f"{self.terms.issuer.rstrip('/')}{WELL_KNOWN}")
        if status != 200:
            raise NoAnswer(f"{self.terms.name} does not say how one signs in there (HTTP {status}).")
        if said.get("issuer") != self.terms.issuer:
            raise NoAnswer(f"{self.terms.name} calls itself otherwise than TOCSIN_SSO_ISSUER does.")
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Described(
            authorize=self._endpoint(said, "authorization_endpoint"),
            token=self._endpoint(said, "token_endpoint"),
            jwks=self._endpoint(said, "jwks_uri"),
            userinfo=self._endpoint(said, "userinfo_endpoint") if said.get("userinfo_endpoint") else "",
            farewell=self._endpoint(said, "end_session_endpoint") if said.get("end_session_endpoint") else "",
            by_post=isinstance(methods, list) and "client_secret_basic" not in methods and bool(methods),
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        )

    def _endpoint(self, said: Mapping[str, Any], name: str) -> str:
        """An address of the provider's. Where it is reached through TLS, all of it is."""
        value = said.get(name)
        allowed = ("https",) if self.terms.issuer.startswith("https://") else ("https", "http")
        if not isinstance(value, str) or not _is_address(value, allowed):
            raise NoAnswer(f"{self.terms.name} gives no usable {name}.")
        return value

    def _known_keys(self, there: Described, *, anew: bool = False) -> KeySet:
        """The provider's keys; asked for again where one is unknown, but not more often than once a minute."""
        with self._lock:
            now = self.now()
            kept_for = KEYS_EVERY if anew else KEPT_FOR
            if self._keys and now - self._keys[0] < kept_for:
                return self._keys[1]
            status, said = self._ask("GET", there.jwks)
            if status != 200:
                raise NoAnswer(f"{self.terms.name} does not show its keys (HTTP {status}).")
            self._keys = now, proof.keys(said)
            return self._keys[1]

    def _ask(self, method: str, address: str, **more: Any) -> tuple[int, dict[str, Any]]:
        """The status and the JSON of an answer; an empty one where there is none."""
        try:
            with (
                httpx2.Client(timeout=WAIT, follow_redirects=False, trust_env=False) as client,
                client.stream(method, address, **more) as answer,
            ):
                body = b""
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise NoAnswer(f"{self.terms.name} says more than anybody reads.")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            log.warning("the provider of single sign-on does not answer: %s", type(error).__name__)
            raise NoAnswer(f"{self.terms.name} does not answer now.") from None
        if answer.status_code >= 500:
            raise NoAnswer(f"{self.terms.name} does not answer now (HTTP {answer.status_code}).")
        try:
            said = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = None
        return answer.status_code, said if isinstance(said, dict) else {}


def _is_address(text: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
