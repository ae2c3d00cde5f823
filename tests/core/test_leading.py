"""Whose rotas whoever leads a team arranges: those of the team, and nobody else's."""

from dataclasses import replace

import pytest
import yaml

from tests.support.small import SMALL, small
from tocsin.plan import check
from tocsin.plan.leading import rotas_led_by, rotas_of
from tocsin.plan.model import Plan
from tocsin.plan.services import Service

ENGINEERS = {"teams__engineers__leads": ["kim"], "teams__engineers__rotation": "first"}


def plan(**changes: object) -> Plan:
    found = check.load(yaml.safe_dump(small(**changes), sort_keys=False))
    assert isinstance(found, Plan), found
    return found


def test_who_leads_a_team_arranges_the_rotation_that_it_names() -> None:
    led = plan(**ENGINEERS)
    assert rotas_led_by(led, "kim") == {"first"}
    assert rotas_led_by(led, "ida") == frozenset() == rotas_led_by(led, "nobody")  # a member is no lead


@pytest.mark.parametrize(
    ("owner", "other", "found"),
    [
        ("engineers", None, {"first", "second"}),  # only its own service names it
        ("engineers", "engineers", {"first", "second"}),
        ("engineers", "board", {"first"}),  # a service of others is on call by it too
        ("board", None, {"first"}),  # which is nothing of theirs
    ],
)
def test_a_rotation_that_only_services_of_the_team_name_is_theirs(
    owner: str, other: str | None, found: set[str]
) -> None:
    led = plan(**ENGINEERS)
    services = {"kiln": replace(led.services["kiln"], team=owner, rotation="second")}
    if other:
        services["oven"] = Service(name="Oven", team=other, rotation="second")
    assert rotas_of(replace(led, services=services), "engineers") == found


def test_a_rotation_that_another_team_names_is_not_got_by_a_service() -> None:
    led = plan(**ENGINEERS, teams__board__rotation="second")
    services = {"kiln": replace(led.services["kiln"], team="engineers", rotation="second")}
    assert rotas_of(replace(led, services=services), "engineers") == {"first"}


def test_a_team_without_a_rotation_has_none_and_leads_alone_give_none() -> None:
    assert SMALL["teams"]["engineers"].get("rotation") is None
    assert rotas_led_by(plan(teams__engineers__leads=["kim"]), "kim") == frozenset()
