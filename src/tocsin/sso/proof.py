"""Whether what the provider sent proves who somebody is: the ID token, as OpenID Connect Core 1.0 has it checked.

Imported only where single sign-on is set up: what reads signatures is an extra.
"""

import base64
import hashlib
import hmac
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, import_key

from tocsin.sso.model import Farewell, NotVouchedFor, Somebody, Terms, texts

log = logging.getLogger(__name__)

# Signed with a key that the provider alone has. `none` and those of a shared secret are never among them.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY = timedelta(minutes=1)  # between the provider's clock and ours
LONGEST_TOKEN = 64 * 1024
LONGEST_SUBJECT = 255
UNSIGNED = (
    "The provider's proof can't be trusted: it is not signed as it must be. Begin again; if that fails too, an "
    "administrator finds in the server's log what is wrong with it."
)
SIGNED_OUT = "http://schemas.openid.net/event/backchannel-logout"
TOLD_WITHIN = 600  # seconds in which the provider tells it; for twice as long we know what we were told


class UnknownKey(NotVouchedFor):
    """The proof is signed with a key that the provider does not show."""


def keys(document: Mapping[str, Any]) -> KeySet:
    """The keys that a provider shows, but for those of a kind that is not for us."""
    found: list[Any] = []
    shown = document.get("keys")
    for one in shown if isinstance(shown, list) else ():
        if not isinstance(one, dict) or one.get("kty") not in ("RSA", "EC", "OKP") or one.get("use", "sig") != "sig":
            continue
        try:
            found.append(import_key({name: value for name, value in one.items() if name not in ("d", "x5c")}))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):  # on a curve that is not known, or no text
            continue
    return KeySet(found)


def checked(id_token: str, known: KeySet, terms: Terms, *, nonce: str, now: datetime) -> dict[str, Any]:
    """The claims of an ID token. Raises NotVouchedFor, and UnknownKey for a key that may be newer than those known."""
    claims = _signed(id_token, known)
    wrong = _wrong(claims, terms, nonce, now)
    if wrong:
        raise NotVouchedFor(f"The provider's proof can't be trusted: {wrong}.")
    return claims


def _signed(text: str, known: KeySet) -> dict[str, Any]:
    if len(text) > LONGEST_TOKEN or not known.keys:
        raise UnknownKey
    try:
        token = jwt.decode(text, known, algorithms=ALGORITHMS)
    except InvalidKeyIdError:
        raise UnknownKey from None
    except (JoseError, ValueError, TypeError, KeyError) as error:
        why = _plain(str(error))  # a stranger may have written parts of it
        log.warning("a proof by the provider of single sign-on can't be trusted: %s %s", type(error).__name__, why)
        raise NotVouchedFor(UNSIGNED) from None
    return dict(token.claims)


def farewell(logout_token: str, known: KeySet, terms: Terms, *, now: datetime) -> Farewell:
    """Whom a logout token is about, as OpenID Connect Back-Channel Logout 1.0 has it checked. Raises the same."""
    claims = _signed(logout_token, known)
    wrong = _wrong_farewell(claims, terms, now)
    if wrong:
        raise NotVouchedFor(f"The provider's word can't be trusted: {wrong}.")
    return Farewell(id=claims["jti"], subject=_text(claims, "sub"), session=_text(claims, "sid"))


def _wrong_farewell(claims: Mapping[str, Any], terms: Terms, now: datetime) -> str:
    """An ID token must never pass for one of these: it has a nonce, and names no such event."""
    events, made = claims.get("events"), claims.get("iat")
    if claims.get("iss") != terms.issuer:
        return "it is by another issuer"
    if terms.client_id not in set(texts(claims.get("aud"))):
        return "it is meant for somebody else"
    if not isinstance(events, dict) or not isinstance(events.get(SIGNED_OUT), dict) or "nonce" in claims:
        return "it does not say that anybody signed out"
    if not isinstance(claims.get("jti"), str) or not 0 < len(claims["jti"]) <= LONGEST_SUBJECT:
        return "it has no name of its own"
    if not isinstance(made, int | float) or isinstance(made, bool) or abs(now.timestamp() - made) > TOLD_WITHIN:
        return "it is not of now"
    if "exp" in claims and (not _is_instant(claims["exp"]) or claims["exp"] <= (now - LEEWAY).timestamp()):
        return "it has expired"
    if not _text(claims, "sub") and not _text(claims, "sid"):
        return "it does not say whom it is about"
    return ""


def _wrong(claims: Mapping[str, Any], terms: Terms, nonce: str, now: datetime) -> str:
    """What is wrong with the claims, in words; empty if nothing is."""
    audience = claims.get("aud")
    audiences = set(texts(audience))
    subject = claims.get("sub")
    given = claims.get("nonce")
    if claims.get("iss") != terms.issuer:
        return "it is by another issuer"
    if terms.client_id not in audiences:
        return "it is meant for somebody else"
    if (len(audiences) > 1 and "azp" not in claims) or claims.get("azp", terms.client_id) != terms.client_id:
        return "it was given to somebody else"
    if not _is_instant(claims.get("exp")) or claims["exp"] <= (now - LEEWAY).timestamp():
        return "it has expired"
    if not _is_instant(claims.get("iat")) or claims["iat"] > (now + LEEWAY).timestamp():
        return "it is from the future"
    if _is_instant(claims.get("nbf")) and claims["nbf"] > (now + LEEWAY).timestamp():
        return "it does not hold yet"
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        return "it answers another request"
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        return "it does not say whom it is about"
    return ""


def _is_instant(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def somebody(claims: Mapping[str, Any], terms: Terms) -> Somebody:
    """Whom these claims are about."""
    claimed = _text(claims, "email").strip()
    verified = claims.get("email_verified")
    is_theirs = verified is True or verified == "true"  # some write it as text
    return Somebody(
        issuer=terms.issuer,
        subject=claims["sub"],
        email=claimed if is_theirs else "",
        claimed_email=claimed,
        name=_text(claims, "name"),
        username=_text(claims, "preferred_username") or _text(claims, "nickname"),
        groups=frozenset(texts(claims.get(terms.groups_claim))),
        signed_in_at=_instant(claims.get("auth_time")),
        session=_text(claims, "sid"),
    )


def _instant(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None
    except (OverflowError, ValueError, OSError):
        return None


def is_since(who: Somebody, begun: datetime) -> bool:
    """Whether they signed in at the provider since then. Only its own word for when that was counts: whoever sits at
    the browser could take out of our question that they are to sign in again."""
    return who.signed_in_at is not None and who.signed_in_at > begun - LEEWAY


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return _plain(value) if isinstance(value, str) else ""


def _plain(text: str) -> str:
    return "".join(one for one in text[:200] if one.isprintable())


def challenge(verifier: str) -> str:
    """What is shown of a verifier at first (RFC 7636, S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
