"""What an answer means that is no health report: a page, or JSON in which the plan expects certain values."""

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.looks import judged
from tocsin.plan.watching import Expects
from tocsin.watch.outcomes import Expectation, Kind


def plainly(expects: Expects, **seen):
    return judged(Expectation(answer=expects), **seen)


def test_a_page_is_good_if_it_says_what_it_should():
    expects = Expects(status=(200, 204), says="Welcome", headers={"Content-Type": ("/html/",)})
    html = {"content-type": "text/html; charset=utf-8"}
    good = plainly(expects, body=b"<h1>Welcome</h1>", headers=html)
    assert (good.kind, good.reason) == (Kind.HEALTHY, "200, and all that is expected of it")
    for wrong, why in (
        ({"body": b"<h1>Oops</h1>", "headers": html}, "200 without what it should say: <h1>Oops</h1>"),
        (
            {"body": b"Welcome", "headers": {"content-type": "text/plain"}},
            "the header content-type is text/plain: Welcome",
        ),
        ({"body": b"Welcome"}, "no header content-type: Welcome"),
        ({"status": 404, "body": b"gone", "headers": html}, "404, not 200 or 204: gone"),
        ({"status": 302, "headers": {"location": "/login"}}, "302, not 200 or 204 and points to /login: (empty)"),
    ):
        found = plainly(expects, **wrong)
        assert (found.kind, found.reason) == (Kind.WRONG_BODY, why)
    assert plainly(expects, status=503, body=b"down").kind is Kind.HTTP_ERROR
    assert plainly(Expects(status=(503,)), status=503).kind is Kind.HEALTHY, "a page that is meant to be shut"
    assert plainly(expects, status=429).kind is Kind.RATE_LIMITED
    assert plainly(expects, failure="refused").kind is Kind.REFUSED


def test_values_of_json_are_good_or_named():
    expects = Expects(json={"status": ("ok", "pass"), "checks.0.up": ("true",), "a.b": ("*",)})
    body = {"status": "OK", "checks": [{"up": True}], "a.b": "whatever"}
    assert plainly(expects, body=json.dumps(body).encode()).kind is Kind.HEALTHY
    ill = plainly(expects, body=json.dumps({**body, "status": "fail", "checks": [{"up": False}]}).encode())
    assert (ill.kind, ill.components) == (Kind.DEGRADED, ("checks.0.up", "status"))
    assert ill.reason == "200 with status fail and checks.0.up false"
    missing = plainly(expects, body=b'{"status": "ok", "checks": []}')
    assert (missing.kind, missing.reason.partition(":")[0]) == (Kind.WRONG_BODY, "200 without checks.0.up and a.b")
    for body in (b"<html>", b"[" * 100_000, b"\xff"):
        assert plainly(expects, body=body).reason.startswith("200 but the body is not JSON")


def test_an_answer_that_is_good_can_be_slow():
    late = judged(Expectation(answer=Expects(), slow_after=timedelta(seconds=1)), took=1.5)
    assert late.kind is Kind.SLOW


@given(st.binary(max_size=300), st.text(max_size=20), st.integers(100, 599))
def test_whatever_comes_is_judged(body: bytes, place: str, status: int):
    expects = Expects(status=(200,), json={place: ("x",)}, headers={place: ("*",)}, says="a")
    found = plainly(expects, body=body, status=status, headers={place: "y"})
    assert found.kind is not Kind.HEALTHY or (status == 200 and b"a" in body and b"x" in body)
    assert found.kind is not Kind.HTTP_ERROR or status >= 500
