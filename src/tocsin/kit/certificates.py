"""RSA signatures (PKCS#1 v1.5) by the key of an X.509 certificate. Heavy, like `signing`: load it when asked for."""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate

_HASHES = {"sha1": SHA1, "sha256": SHA256}


def is_signed(certificate: bytes, signature: bytes, data: bytes, *, hashed: str) -> bool:
    """Whether the holder of this certificate's key signed these bytes. What is no such certificate signed nothing."""
    try:
        key = load_pem_x509_certificate(certificate).public_key()
        if not isinstance(key, RSAPublicKey):
            return False
        key.verify(signature, data, PKCS1v15(), _HASHES[hashed]())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
