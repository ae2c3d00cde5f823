"""What Amazon SNS sends: believed only with Amazon's own signature, and its subscription confirmed at Amazon only."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.served import Served, served
from tests.support.server import free_port
from tests.support.sns import HOST, Sns, certified, confirmation, notification, signed, sns
from tocsin.kit.actor import SYSTEM
from tocsin.signals import quarantine
from tocsin.signals import store as signals
from tocsin.signals.model import State

ALARM = {
    "AlarmName": "Rose answers slowly",
    "AlarmDescription": None,
    "AWSAccountId": "111122223333",
    "AlarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:rose",
    "NewStateValue": "ALARM",
    "OldStateValue": "OK",
    "NewStateReason": "Threshold crossed",
    "StateChangeTime": "2026-11-24T03:30:00.315+0000",
    "Region": "EU (Ireland)",
    "Trigger": {
        "MetricName": "Latency",
        "Namespace": "AWS/ApplicationELB",
        "Dimensions": [{"name": "LoadBalancer", "value": "app/rose"}],
    },
}


@pytest.fixture
def at() -> int:
    return free_port()


@pytest.fixture
def here(sqlite_url: str, at: int) -> Iterator[Served]:
    with served(sqlite_url, sns_url=f"http://127.0.0.1:{at}") as one:
        yield one


@pytest.fixture
def amazon(here: Served, at: int) -> Iterator[Sns]:
    running = sns(at)
    yield here.run(running.__aenter__())
    here.run(running.__aexit__(None, None, None))


@pytest.fixture
def address(here: Served) -> str:
    return f"/in/cloudwatch/{here.token('signals:write', name='alerts')}"


def post(here: Served, address: str, message: dict[str, Any]) -> httpx2.Response:
    plain = {"content-type": "text/plain; charset=UTF-8"}  # as Amazon says it, whatever it is
    return here.post(address, content=json.dumps(message).encode(), headers=plain)


def seen(here: Served) -> list[signals.Signal]:
    here.decide()
    with here.app.database.read(SYSTEM) as tx:
        return signals.recent(tx)


def quarantined(here: Served) -> int:
    with here.app.database.read(SYSTEM) as tx:
        return len(quarantine.listed(tx))


@pytest.mark.tries("cloudwatch", "a stand-in that signs", "fires", "ends", "signature")
@pytest.mark.parametrize("version", ["1", "2"])
def test_an_alarm_fires_and_ends(here: Served, amazon: Sns, address: str, version: str) -> None:
    assert post(here, address, signed(notification(json.dumps(ALARM)), version)).status_code == 200
    over = json.dumps({**ALARM, "NewStateValue": "OK"})
    (fired,) = seen(here)
    assert (fired.source, fired.key, fired.state) == ("cloudwatch", ALARM["AlarmArn"], State.FIRING)
    assert fired.labels["LoadBalancer"] == "app/rose" and fired.labels["metric"] == "Latency"
    assert fired.started_at is not None and fired.details["reason"] == "Threshold crossed"
    assert post(here, address, signed(notification(over, Subject="OK: Rose"), version)).status_code == 200
    (ended,) = seen(here)
    assert (ended.id, ended.state) == (fired.id, State.RESOLVED)
    assert amazon.asked == 1


def test_what_is_no_alarm_is_shown_to_people(here: Served, amazon: Sns, address: str) -> None:
    assert post(here, address, signed(notification("The backup failed\nSee the log.", Subject="Backup"))).is_success
    assert post(here, address, signed(notification('{"a": 1}', MessageId="m-2"))).is_success
    assert {one.title for one in seen(here)} == {"Backup", '{"a": 1}'}


@pytest.mark.tries("cloudwatch", "a stand-in that signs", "setup")
def test_a_subscription_is_confirmed_at_amazon(here: Served, amazon: Sns, address: str) -> None:
    assert post(here, address, signed(confirmation())).json() == {"accepted": 0}
    assert len(amazon.confirmed) == 1
    assert post(here, address, signed(confirmation("UnsubscribeConfirmation"))).is_success
    assert len(amazon.confirmed) == 1  # following that address would subscribe again
    assert post(here, "/in/cloudwatch/nobody", signed(confirmation())).status_code == 401
    assert len(amazon.confirmed) == 1 and seen(here) == []


@pytest.mark.parametrize(
    "after",
    [
        {"Message": json.dumps({**ALARM, "NewStateValue": "OK"})},
        {"Subject": "another"},
        {"SignatureVersion": "1"},
        {"Signature": "AAAA"},
        {"TopicArn": "arn:aws:sns:eu-west-1:999:other"},
    ],
)
def test_what_amazon_did_not_sign_is_refused(here: Served, amazon: Sns, address: str, after: dict[str, str]) -> None:
    answer = post(here, address, signed(notification(json.dumps(ALARM)), **after))
    assert answer.status_code == 401
    assert seen(here) == [] and quarantined(here) == 0


@pytest.mark.parametrize("certificate", [b"", b"no certificate", certified(ec.generate_private_key(ec.SECP256R1()))])
def test_what_is_no_certificate_of_amazon_signs_nothing(
    here: Served, amazon: Sns, address: str, certificate: bytes
) -> None:
    amazon.certificate = certificate
    assert post(here, address, signed(notification("x"))).status_code == 401


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.example.org/a.pem",
        "https://sns.eu-west-1.amazonaws.com@example.org/a.pem",
        "https://example.org\\@sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://s3.eu-west-1.amazonaws.com/a.pem",
        "https://sns.a.b.amazonaws.com/a.pem",
        "https://[::1/a.pem",
        f"{HOST}/certificate",
        "",
        None,
    ],
)
def test_nobody_but_amazon_is_ever_asked(here: Served, amazon: Sns, address: str, url: str | None) -> None:
    answer = post(here, address, signed(notification("x"), SigningCertURL=url))
    assert (answer.status_code, amazon.asked) == (400, 0)
    elsewhere = signed({**confirmation(), "SubscribeURL": url or "x"})
    assert (post(here, address, elsewhere).status_code, amazon.confirmed) == (400, [])
    assert quarantined(here) == 2


@pytest.mark.parametrize(
    "message",
    [{}, {"Type": "Other"}, signed(notification("x"), SignatureVersion="3"), signed(notification("x"), Signature="ä")],
)
def test_what_is_not_of_sns_is_kept_in_quarantine(
    here: Served, amazon: Sns, address: str, message: dict[str, Any]
) -> None:
    assert post(here, address, message).status_code == 400
    assert (quarantined(here), amazon.asked) == (1, 0)


def test_while_amazon_gives_no_certificate_it_is_told_to_come_again(here: Served, amazon: Sns, address: str) -> None:
    amazon.status = 302
    for message in (signed(notification("x")), signed(confirmation())):
        assert post(here, address, message).status_code == 503
    assert seen(here) == []
    amazon.status = 200
    assert post(here, address, signed(notification("x"))).status_code == 200


def test_where_nothing_answers_it_is_told_to_come_again(here: Served, address: str) -> None:
    assert post(here, address, signed(notification("x"))).status_code == 503
