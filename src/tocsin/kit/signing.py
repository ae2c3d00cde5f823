"""Ed25519 signatures (RFC 8032), with keys as bytes or as PEM. Loaded when first asked for: the library is heavy."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from tocsin.kit.errors import Invalid


class NotAKey(Invalid):
    """This is not a public key: it is a PEM text that begins with -----BEGIN PUBLIC KEY-----."""


def sign(secret: bytes, data: bytes) -> bytes:
    """The signature of these bytes. `secret` are the 32 bytes of the key."""
    return Ed25519PrivateKey.from_private_bytes(secret).sign(data)


def is_signed(public_key: str, signature: bytes, data: bytes) -> bool:
    """Whether the holder of this key signed these bytes. Raises NotAKey."""
    try:
        _read(public_key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def pem(secret: bytes) -> str:
    """The public key that belongs to a secret one, as a text."""
    key = Ed25519PrivateKey.from_private_bytes(secret).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def raw(public_key: str) -> bytes:
    """The 32 bytes of a public key. Raises NotAKey."""
    return _read(public_key).public_bytes(Encoding.Raw, PublicFormat.Raw)


def _read(text: str) -> Ed25519PublicKey:
    if not text.lstrip().startswith("-----BEGIN PUBLIC KEY-----"):
        raise NotAKey  # the library would find one in the midst of anything, even of an archive
    try:
        key = load_pem_public_key(text.encode())
    except ValueError:
        raise NotAKey from None
    if not isinstance(key, Ed25519PublicKey):
        raise NotAKey("This key is not an Ed25519 key.")
    return key
