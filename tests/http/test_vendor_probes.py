"""Looks at vendors with our credentials, over real sockets: who gets them, who does not, and what is told of them."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

from tests.http.test_probe_fetch import answer, server
from tocsin.delivery.http import PublicResolver, open_session
from tocsin.plan.services import Service
from tocsin.plan.watching import Expects, Probe
from tocsin.response import looking, seeing
from tocsin.watch.outcomes import Kind, Outcome, judge
from tocsin.watch.tailing import Means, Token

SECRET = "gsk-0f1e2d3c"
REFUSED = b'{"error": {"message": "Invalid API Key: gsk-0f1e2d3c"}}'


def seen(tokens: dict[str, str], token: str = "groq", header: str | None = None) -> tuple[Outcome, list[str]]:
    """What a look sees at a vendor that refuses every key but `good`. The tokens are for the vendor's host, or, where
    they say so, for another."""

    async def run() -> tuple[Outcome, list[str]]:
        async def vendor(path, reader, writer) -> None:
            is_good = asked[-1].lower().find(": bearer good") >= 0 or asked[-1].lower().find("xi-api-key: good") >= 0
            writer.write(answer(b"{}") if is_good else answer(REFUSED, "401 Unauthorized"))

        async with (
            server(vendor) as (base, asked),
            open_session(PublicResolver(allow_private=True), timedelta(seconds=20), anew=True) as session,
        ):
            here = urlsplit(base).netloc
            probe = Probe(url=base, token=token, token_header=header, expects=Expects(), timeout=timedelta(seconds=20))
            look = looking.Look("groq/key", "groq", Service(name="Groq"), probe, source="vendor")
            known = {
                name: Token(here if "@" not in one else one.split("@")[1], one.split("@")[0])
                for name, one in tokens.items()
            }
            reading = await seeing.look_once(session, look, "tocsin-probe", Means(probe_tokens=known))
            return judge(reading, looking.expectation(probe)), asked

    return asyncio.run(asyncio.wait_for(run(), 60))


def test_a_vendor_that_takes_our_credentials_is_healthy() -> None:
    outcome, asked = seen({"groq": "good"})
    assert outcome.kind is Kind.HEALTHY
    assert "Authorization: Bearer good" in asked[0]
    assert seen({"groq": "good"}, header="xi-api-key")[0].kind is Kind.HEALTHY


def test_credentials_that_are_refused_are_said_to_be_and_never_told() -> None:
    outcome, asked = seen({"groq": SECRET})
    assert outcome.kind is Kind.DENIED
    assert outcome.reason.startswith("401, the token groq is not taken: ")
    assert SECRET in asked[0] and SECRET not in outcome.reason and "(redacted)" in outcome.reason


def test_a_token_goes_to_the_host_alone_that_the_settings_name() -> None:
    outcome, asked = seen({"groq": "good@api.groq.com"})
    assert (outcome.kind, outcome.reason) == (Kind.UNKNOWN, "it is not asked: the token groq is for api.groq.com")
    assert asked == []
    outcome, asked = seen({})
    assert outcome.reason == "it is not asked: TOCSIN_PROBE_TOKENS has no token called groq"
    assert asked == []
