"""Passkeys (WebAuthn): what a browser is asked, and what it answers. The library checks; we say what must hold."""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from tocsin.door.model import Passkey
from tocsin.kit.clock import from_millis, to_millis
from tocsin.kit.errors import Forbidden
from tocsin.kit.ids import new_secret

GOOD_FOR = timedelta(minutes=10)
LONGEST_ANSWER = 20_000
_IN_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_BY_A_PERSON = UserVerificationRequirement.REQUIRED  # the device asks for a finger, a face or its code: two factors


class NotProven(Forbidden):
    """The passkey was not accepted. Try again, or come in another way."""


@dataclass(frozen=True)
class Place:
    """This installation, as browsers know it: a passkey is good for one host and opens nothing elsewhere."""

    host: str
    origin: str

    @property
    def has_passkeys(self) -> bool:
        """Browsers make none for a bare address, nor over an open line except to themselves."""
        is_name = not self.host.replace(".", "").isdigit() and ":" not in self.host
        return is_name and (self.origin.startswith("https://") or self.host == "localhost")


def place(public_url: str) -> Place:
    parts = urlsplit(public_url)
    return Place(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")


@dataclass(frozen=True)
class Made:
    credential: str
    public_key: str
    uses: int


# ---- Challenges: sealed rather than kept, so that strangers who look at the page fill nothing ------------------------


def challenge(signing_key: str, purpose: str, now: datetime) -> str:
    """What is to be signed: random, for this purpose, good for some minutes."""
    said = f"{new_secret()}.{to_millis(now + GOOD_FOR)}"
    return f"{said}.{_seal(signing_key, purpose, said)}"


def challenge_ends_at(signing_key: str, purpose: str, shown: str, now: datetime) -> datetime:
    """Until when this challenge of ours is good. Raises NotProven for one that is not ours or too old."""
    said, _, seal = shown.rpartition(".")
    if not hmac.compare_digest(seal.encode(), _seal(signing_key, purpose, said).encode()):
        raise NotProven
    ends_at = from_millis(int(said.rpartition(".")[2]))
    if ends_at <= now:
        raise NotProven("This took longer than ten minutes. Load the page again.")
    return ends_at


def _seal(signing_key: str, purpose: str, said: str) -> str:
    return hmac.new(signing_key.encode(), f"passkey:{purpose}:{said}".encode(), hashlib.sha256).hexdigest()


# ---- What a browser is asked, as JSON --------------------------------------------------------------------------------


def to_register(here: Place, handle: str, name: str, known: list[Passkey], shown: str) -> str:
    options = webauthn.generate_registration_options(
        rp_id=here.host,
        rp_name="Tocsin",
        user_id=hashlib.sha256(handle.encode()).digest(),
        user_name=handle,
        user_display_name=name,
        challenge=shown.encode(),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_BY_A_PERSON
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential)) for one in known],
    )
    return webauthn.options_to_json(options)


def to_sign_in(here: Place, shown: str, known: Sequence[Passkey] = ()) -> str:
    """Where it names no passkey, and so no account, the browser offers what it has for this host."""
    options = webauthn.generate_authentication_options(
        rp_id=here.host,
        challenge=shown.encode(),
        user_verification=_BY_A_PERSON,
        allow_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential)) for one in known],
    )
    return webauthn.options_to_json(options)


# ---- What it answers -------------------------------------------------------------------------------------------------


def credential_of(answer: str) -> str:
    """Which passkey says it is answering. Raises NotProven for what is no answer at all."""
    try:
        found = json.loads(answer[:LONGEST_ANSWER])["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotProven from None
    if not isinstance(found, str) or not _IN_BASE64URL.fullmatch(found):
        raise NotProven
    return found


def challenge_in(answer: str) -> str:
    """The challenge that was signed, as the browser wrote it down; whether it was signed is checked afterwards."""
    try:
        told = json.loads(base64url_to_bytes(json.loads(answer[:LONGEST_ANSWER])["response"]["clientDataJSON"]))
        return base64url_to_bytes(told["challenge"]).decode("ascii")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotProven from None


def registered(here: Place, answer: str, shown: str) -> Made:
    try:
        found = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=shown.encode(),
            expected_rp_id=here.host,
            expected_origin=here.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise NotProven from None
    return Made(
        bytes_to_base64url(found.credential_id), bytes_to_base64url(found.credential_public_key), found.sign_count
    )


def proven(here: Place, answer: str, shown: str, known: Passkey) -> int:
    """The passkey's own count of its uses, if the answer is signed with it. Raises NotProven."""
    try:
        found = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=shown.encode(),
            expected_rp_id=here.host,
            expected_origin=here.origin,
            credential_public_key=base64url_to_bytes(known.public_key),
            credential_current_sign_count=known.uses,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise NotProven from None
    return found.new_sign_count
