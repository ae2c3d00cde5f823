"""What is taken out of what others send before it is kept, and what is not."""

import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.changes.model import Report, without_secrets
from tocsin.kit import redaction
from tocsin.kit.ids import new_key, new_secret
from tocsin.kit.redaction import MARK, in_body, in_name, in_text, in_value, is_secret_name, may_hold
from tocsin.signals import redacting
from tocsin.signals.model import Arrival, State

# Put together here, so that no file of ours holds anything that looks like a key of somebody's.
LONG = "Zk3v9QxT" * 5
KEYS = {
    "jwt": ".".join(("eyJ" + "hbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0In0", LONG)),
    "github": "ghp" + "_" + LONG,
    "github, fine": "github" + "_pat_" + LONG,
    "gitlab": "glpat" + "-" + LONG,
    "slack": "xoxb" + "-123456789-" + LONG,
    "stripe": "sk" + "_live_" + LONG,
    "a model's": "sk" + "-proj-" + LONG,
    "amazon": "AKIA" + "IOSFODNN7EXAMPLE",
    "google": "AIza" + LONG[:35],
    "sendgrid": "SG" + f".{LONG[:22]}.{LONG}",
    "groq": "gsk" + "_" + LONG,
    "npm": "npm" + "_" + LONG,
}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("around", ["{}", "it said {}, and left", '"{}"', "x={}", "https://api.example.org/{}/y"])
def test_what_has_the_shape_of_a_key_is_redacted_wherever_it_stands(name: str, around: str) -> None:
    text = around.format(KEYS[name])
    assert may_hold(text)
    assert in_text(text) == around.format(MARK)


SECRETS = {
    "Authorization: Bearer abcdefgh": f"Authorization: Bearer {MARK}",
    "authorization: basic dXNlcjpwYXNz": f"authorization: basic {MARK}",
    "-H 'Authorization: GenieKey 1234-5678'": f"-H 'Authorization: GenieKey {MARK}'",
    "called with Bearer 0123456789abcdef, got 401": f"called with Bearer {MARK}, got 401",
    "Cookie: sid=1; theme=dark\nHost: x": f"Cookie: {MARK}\nHost: x",
    "Set-Cookie: sid=abc; Path=/": f"Set-Cookie: {MARK}",
    "login failed: password=hunter2 user=ana": f"login failed: password={MARK} user=ana",
    "PGPASSWORD=x psql": f"PGPASSWORD={MARK} psql",
    'password = "two words" and more': f"password = {MARK} and more",
    "password: hunter2 is in the log": f"password: {MARK} is in the log",
    "user[password]=x1": f"user[password]={MARK}",
    "GET /cb?user=ana&access_token=a.b.c&x=1": f"GET /cb?user=ana&access_token={MARK}&x=1",
    "next=%2Fcb%3Ftoken%3Dabcdef": f"next=%2Fcb%3Ftoken%3D{MARK}",
    "https://x.blob.example.net/a?sv=1&sig=ab%2Fc": f"https://x.blob.example.net/a?sv=1&sig={MARK}",
    "postgres://rose:geheim@db:5432/rose": f"postgres://rose:{MARK}@db:5432/rose",
    "https://0123abcd@sentry.example.org/1": f"https://{MARK}@sentry.example.org/1",
    "https:\\/\\/ana:pw@example.org": f"https:\\/\\/ana:{MARK}@example.org",
    "https://hooks.slack.com/services/T0/B0/abcdefgh": f"https://hooks.slack.com/services/{MARK}",
    "https://discord.com/api/webhooks/12/abc-defgh": f"https://discord.com/api/webhooks/12/{MARK}",
    "https://tocsin.example.org/in/grafana/" + "a" * 43: f"https://tocsin.example.org/in/grafana/{MARK}",
    "AccountName=a;AccountKey=bm90IGE=;x": f"AccountName=a;AccountKey={MARK};x",
    '{"api_key": "x", "a": 1': f'{{"api_key": "{MARK}", "a": 1',
    '{"password": "cut off': f'{{"password": "{MARK}',
    '{"password": 1234, "token": 5}': f'{{"password": "{MARK}", "token": 5}}',
    "{'clientSecret': 'x', 'b': 'y'}": f"{{'clientSecret': '{MARK}', 'b': 'y'}}",
    '"{\\"password\\": \\"x\\"}': f'"{{\\"password\\": \\"{MARK}\\"}}',
    "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nend": f"{MARK}\nend",
    "-----BEGIN PRIVATE KEY-----\nand no more": MARK,
}


def test_what_lets_a_sender_in_here_is_redacted_as_it_is_made() -> None:
    for secret in (new_key(), new_secret(), f"tcs_{new_secret()}"):
        for before, after in (
            ("https://tocsin.example.org/in/azure/", ""),
            ("/in/prometheus/", "/api/v2/alerts"),
            ("/in/heartbeat/", "/fail"),
            ("POST /in/json/backup-2/", " failed"),
        ):
            assert may_hold(before + secret + after)
            assert in_text(before + secret + after) == before + MARK + after
    assert may_hold("it is tcs_" + new_secret()) and in_text(f"it is tcs_{new_secret()}") == f"it is {MARK}"


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_redacted_and_what_stands_around_them_is_kept(text: str) -> None:
    assert may_hold(text)
    assert in_text(text) == SECRETS[text]


@pytest.mark.parametrize(
    "text",
    [
        "Invalid token: expired signature",
        "Password reset: mails are not sent",
        "Reset password: failed for a third of users",
        "tokens_used=5000 max_tokens: 4096",
        "pass=31 fail=2",
        "password= is empty, token=null",
        "Basic functionality and end-to-end tests fail",
        "Bearer-token authentication is broken",
        "Cookie: the banner hides everything",
        "disk-full-on-the-root-filesystem",
        "mail ana@example.org or call +49 30 1234567",
        "ssh://git@example.org/rose.git",
        "mailto:ana@example.org",
        "https://grafana.example.org/d/rose?viewPanel=2&orgId=1",
        "https://prom.example.org/graph?g0.expr=up%7Bjob%3D%22rose%22%7D",
        "https://tocsin.example.org/in/grafana",
        "57c6d9296de2ad39 3d6f0a52-4b1c-4d1e-9a1e-0d5f6f1f2a3b",
        "the key: db1 is full",
        "Unauthorized: 401 at /login",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert in_text(text) == text


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *(
            (name, True)
            for name in ("password", "DB_PASSWORD", "dbPassword", "password2", "password_hash", "userpwd_pwd")
        ),
        *(
            (name, True)
            for name in ("token", "access_token", "accessToken", "X-Auth-Token", "csrftoken", "secret_value")
        ),
        *(
            (name, True)
            for name in ("api_key", "apiKey", "X-API-Key", "APIKEY", "routing_key", "GenieKey", "AccountKey")
        ),
        *((name, True) for name in ("Authorization", "Cookie", "set-cookie", "client_secret", "otp", "pass")),
        *((name, False) for name in ("key", "dedup_key", "groupKey", "primary_key", "public_key", "partitionKey", "")),
        *(
            (name, False)
            for name in ("tokens_used", "max_tokens", "token_count", "password_changed_at", "compass", "12")
        ),
        *(
            (name, False)
            for name in ("author", "auth", "user", "session_id", "secretary", "email", "phone", "keyboard")
        ),
    ],
)
def test_a_name_tells_whether_a_secret_stands_under_it(name: str, is_one: bool) -> None:
    assert is_secret_name(name) is is_one
    assert in_value({name: "whatever"}) == {name: MARK if is_one else "whatever"}
    assert not is_one or may_hold(json.dumps({name: "whatever"}))


def test_whatever_stands_under_such_a_name_is_redacted_and_its_form_is_kept() -> None:
    sent = {
        "credentials": {"user": "ana", "more": ["x", 7, None, True]},
        "headers": [
            {"name": "Cookie", "value": "a"},
            {"key": "Host", "value": "b"},
            ["X-Api-Key", "c"],
            ["Accept", "d"],
        ],
        "token": 17,
        "password": 1234,
        "secret": None,
        "nested": [{"deep": {"apiKey": "x", "kept": "y"}}],
    }
    assert in_value(sent) == {
        "credentials": {"user": MARK, "more": [MARK, MARK, None, True]},
        "headers": [
            {"name": "Cookie", "value": MARK},
            {"key": "Host", "value": "b"},
            ["X-Api-Key", MARK],
            ["Accept", "d"],
        ],
        "token": 17,
        "password": MARK,
        "secret": None,
        "nested": [{"deep": {"apiKey": MARK, "kept": "y"}}],
    }


def test_names_that_differ_still_differ_when_a_secret_is_taken_out_of_them() -> None:
    one, other = in_name("https://ana:one@db/rose"), in_name("https://ana:two@db/rose")
    assert one != other
    assert one == in_name("https://ana:one@db/rose") == in_name(one)
    assert "one" not in one.replace("rose", "")
    assert in_name("backup/nightly") == "backup/nightly"


def test_a_body_of_json_stays_json_and_any_other_stays_as_it_was_but_for_its_secrets() -> None:
    body = '{"routing_key":  "R0", "payload": {"summary": "down \\u00e4"}}'
    assert json.loads(in_body(body)) == {"routing_key": MARK, "payload": {"summary": "down ä"}}
    plain = '{"payload":   {"summary": "down"}}'
    assert in_body(plain) is plain
    assert in_body('{"\\u0070assword": "x"}') == f'{{"password": "{MARK}"}}'
    assert in_body("[" * 100_000 + '"password": "x"').endswith(f'"password": "{MARK}"')


def test_a_number_of_hostile_shapes_costs_little_time() -> None:
    most = 64 * 1024
    for part in (
        "eyJ-",
        "a://",
        "-----BEGIN PRIVATE KEY",
        "Cookie:",
        "password=",
        '"a":"',
        "a: ",
        "Bearer ",
        "x%3D",
        "sk-",
    ):
        text = (part * most)[:most]
        in_text(text)  # a shape that is tried anew at each letter would take minutes


# ---- Anything ----

steadily = settings(derandomize=True, deadline=None, max_examples=150)
PIECES = st.sampled_from(
    [
        *KEYS.values(),
        *SECRETS,
        "password",
        "token",
        ": ",
        "=",
        "&",
        '"',
        "\\",
        "@",
        "://",
        "key",
        "api",
        "_",
        "(redacted)",
        "\n",
        " ",
    ]
)
TEXTS = st.lists(PIECES | st.text(string.printable, max_size=6), max_size=8).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@steadily
@given(TEXTS)
def test_what_is_redacted_stays_as_it_is(text: str) -> None:
    assert in_text(in_text(text)) == in_text(text)


@steadily
@given(JSON)
def test_the_first_look_overlooks_nothing(value: Any) -> None:
    assert in_value(value) == value or may_hold(json.dumps(value))


@pytest.mark.parametrize("between", ["", "_", "-", " ", ".", "\n", "%20", "\u00e9", "\u2028", "\t_", '"', "1"])
@pytest.mark.parametrize("before", ["api", "ACCESS", "Routing", "subscription"])
def test_the_first_look_overlooks_no_name_of_two_words(before: str, between: str) -> None:
    name = f"{before}{between}Key"
    named = {name: "whatever"}
    for text in (json.dumps(named), json.dumps(named, ensure_ascii=False), f"{name}=whatever"):
        assert in_text(text) == text or may_hold(text)
    assert in_value(named) == named or may_hold(json.dumps(named))


def test_half_a_character_hides_nothing() -> None:
    assert may_hold("\ud83d password=hunter2")
    assert in_body("\ud83d password=hunter2") == f"\ud83d password={MARK}"


@steadily
@given(JSON)
def test_the_form_of_what_was_sent_is_kept(value: Any) -> None:
    assert shape(in_value(value)) == shape(value) or len(str(value)) > len(set(str(value)))
    assert json.loads(in_body(json.dumps(value))) == in_value(value)


def shape(value: Any) -> Any:
    match value:
        case dict():
            return [shape(item) for item in value.values()]
        case list():
            return [shape(item) for item in value]
        case str() | int() if not isinstance(value, bool):
            return "a word"
        case _:
            return value


@steadily
@given(st.text(string.ascii_letters + " ,.!?-", max_size=80))
def test_plain_words_are_left_alone(words: str) -> None:
    assert in_text(words) == words or may_hold(words)
    assert redaction.MARK not in in_text(words) or any(
        one in words.lower() for one in ("bearer", "basic", "token", "sk-")
    )


# ---- Signals and changes ----


def test_a_signal_loses_its_secrets_and_says_where_they_stood() -> None:
    sent = Arrival(
        source="generic",
        key="https://ana:one@db/rose",
        title="login failed with password=hunter2",
        severity="critical",
        labels={"service": "rose", "api_key": "x", "url": "postgres://ana:one@db/rose"},
        details={"headers": {"Cookie": "a=b"}, "reason": "slow"},
        link="https://logs.example.org/?token=abc",
        warnings=("title: cut",),
    )
    kept = redacting.redacted(sent)
    assert (kept.source, kept.state, kept.severity) == ("generic", State.FIRING, "critical")
    assert kept.title == f"login failed with password={MARK}"
    assert kept.labels == {"service": "rose", "api_key": MARK, "url": f"postgres://ana:{MARK}@db/rose"}
    assert kept.details == {"headers": {"Cookie": MARK}, "reason": "slow"}
    assert kept.link == f"https://logs.example.org/?token={MARK}"
    assert kept.key == in_name(sent.key) != sent.key
    assert [one.partition(":")[0] for one in kept.warnings] == [
        *("title", "key", "title", "details", "link", "labels.api_key", "labels.url"),
    ]
    assert redacting.redacted(kept).key == kept.key
    assert replace(redacting.redacted(kept), warnings=()) == replace(kept, warnings=())


def test_half_a_character_stays_escaped_so_that_the_body_can_be_kept() -> None:
    kept = in_body('{"token": "abc", "title": "a\\ud800b \\ud83d\\ude00 \\u0000"}')
    assert kept == f'{{"token": "{MARK}", "title": "a\\ud800b 😀 \\u0000"}}'
    assert kept.encode()


def test_a_signal_without_secrets_stays_as_it_is() -> None:
    sent = Arrival(source="generic", key="k", title="The disk is full", labels={"service": "rose"}, details={"a": [1]})
    assert redacting.redacted(sent) == sent


def test_a_change_loses_its_secrets_too() -> None:
    told = Report(what="Set TOKEN=abc", link="https://x.example.org/?sig=a", source="api", key="https://a:b@c/")
    kept = without_secrets(told)
    assert (kept.what, kept.link) == (f"Set TOKEN={MARK}", f"https://x.example.org/?sig={MARK}")
    assert kept.key == without_secrets(kept).key != told.key
