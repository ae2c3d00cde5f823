"""Signatures of AWS, against the examples that Amazon publishes for S3."""

from datetime import UTC, datetime

import pytest

from tocsin.kit.sigv4 import Credentials, path_of, signed

AT = datetime(2013, 5, 24, tzinfo=UTC)
CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
HOST = "https://examplebucket.s3.amazonaws.com"

EXAMPLES = [
    (
        "GET",
        "/test.txt",
        {"Range": "bytes=0-9"},
        b"",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    (
        "PUT",
        "/test%24file.text",
        {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
        b"Welcome to Amazon S3.",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    ("GET", "/?lifecycle", {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    ("GET", "/?max-keys=2&prefix=J", {}, b"", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
]


@pytest.mark.parametrize(("method", "path", "headers", "body", "signature"), EXAMPLES)
def test_a_request_is_signed_as_amazon_signs_its_examples(
    method: str, path: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    found = signed(CREDENTIALS, method, HOST + path, headers, body, AT)
    assert found["authorization"].endswith(f"Signature={signature}")
    assert "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request" in found["authorization"]


def test_a_key_is_encoded_byte_by_byte() -> None:
    assert path_of("a b/c+d/é~_.-") == "a%20b/c%2Bd/%C3%A9~_.-"


def test_the_secret_is_shown_nowhere() -> None:
    assert CREDENTIALS.secret not in repr(CREDENTIALS)
    assert CREDENTIALS.secret not in str(signed(CREDENTIALS, "GET", HOST + "/", {}, b"", AT))
