"""All that is looked at, on pages and over the API: what is in trouble first, and many that are well in one line."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.visitor import Visitor, console
from tests.support.world import ROSE
from tocsin.kit.actor import SYSTEM
from tocsin.plan import commands as plan_commands
from tocsin.signals import store as signals
from tocsin.signals.model import Arrival
from tocsin.watch import store as watch
from tocsin.watch.outcomes import Kind, Outcome, Run
from tocsin.watch.store import Agreed, Standing

MANY = [f"n{number:02}" for number in range(20)]
PROBES = "".join(f'      {name}: {{ url: "tcp://{name}.example:1" }}\n' for name in MANY)
PLAN = ROSE.replace("    probes:\n", f"    probes:\n{PROBES}", 1)


def see(here: Served, name: str, kind: Kind = Kind.HEALTHY, seconds: float = 0.1, said: str = "as it should") -> None:
    outcome = Outcome(kind=kind, latency=timedelta(seconds=seconds), reason=said, path="")
    with here.app.database.work(SYSTEM) as tx:
        run = Run(kind, (), 4, tx.now)
        watch.save(tx, Standing(name, run, Agreed(kind, ()), outcome, tx.now))
        watch.add_sample(tx, name, seconds, float(kind is not Kind.HEALTHY), 1.0, is_usual=True)


@pytest.fixture
def here(sqlite_url: str) -> Iterator[Served]:
    assert PLAN != ROSE
    with console(sqlite_url) as one:
        with one.app.database.work(SYSTEM) as tx:
            plan_commands.apply(tx, PLAN, "looks at many", accept_large=True)
        yield one


def test_many_that_are_well_are_one_line_behind_what_is_in_trouble(here: Served) -> None:
    for number, name in enumerate(MANY):
        see(here, f"rose/{name}", seconds=0.1 + number / 100)
    see(here, "rose/n07", Kind.REFUSED, said="<b>refused")
    html = Visitor(here, "erin").open("/").html.split('id="services"')[1].split("</section>")[0]
    before, folded = html.split("<details")
    assert "n07" in before and "&lt;b&gt;refused" in before and "n08" not in before
    assert "19 healthy, the slowest in 0.29 s (Rose: n19)" in folded and "open" not in folded.split(">")[0]
    assert 'href="/probes/rose/n08"' in folded
    assert "19 healthy" in Visitor(here, "ben").open("/declare").html


def test_a_few_stand_there_in_the_open(here: Served) -> None:
    with here.app.database.work(SYSTEM) as tx:
        plan_commands.apply(tx, ROSE, "looks at few", accept_large=True)
    see(here, "rose/health")
    html = Visitor(here, "erin").open("/").html.split('id="services"')[1].split("</section>")[0]
    assert "<details" not in html and "as it should" in html


def test_each_has_a_page_with_what_was_measured_and_its_signal(here: Served) -> None:
    erin = Visitor(here, "erin")
    assert erin.open("/probes").says("nothing") is False
    see(here, "rose/n07")
    here.clock.advance_to(here.clock.now() + timedelta(minutes=1))
    see(here, "rose/n07", Kind.TIMEOUT, 8, "no whole answer within 8 s")
    with here.app.database.work(SYSTEM) as tx:
        signals.accept(tx, [signals.encode(Arrival(source="probe", key="probe:rose/n07", title="n07 is silent"))])
    here.decide()
    page = erin.open("/probes/rose/n07")
    assert page.says("Down: timeout") and page.says("no whole answer within 8 s") and page.says("1 of 1")
    assert 'class="trace"' in page.html and 'href="/signals/sig_' in page.html
    rows = erin.open("/probes").html.split("<tbody>")[1]
    assert rows.index("n07") < rows.index("n00")
    assert erin.open("/probes/rose/moon").status == 404


def test_the_api_lists_filters_and_pages(here: Served) -> None:
    for name in MANY:
        see(here, f"rose/{name}")
    see(here, "rose/n07", Kind.REFUSED)
    for _ in range(3):
        here.clock.advance_to(here.clock.now() + timedelta(minutes=1))
        see(here, "rose/n08", seconds=0.5)
    caller = here.bearer("incidents:read")

    def get(path: str) -> Any:
        return here.get(f"/api/v1/{path}", headers=caller)

    (one,) = get("probes?health=trouble").json()["probes"]
    assert (one["name"], one["seen"]["outcome"], one["agreed"]["outcome"], one["looks"]) == (
        *("rose/n07", "refused", "refused", 4),
    )
    assert {each["sort"] for each in get("probes?sort=journey&limit=200").json()["probes"]} == {"journey"}
    assert get("probes?service=moon").json() == {"probes": [], "next": None}
    assert get("probes?health=fine").status_code == 400
    assert get("probes/rose/n07").json()["signal_id"] is None
    first = get("probes/rose/n08/looks?limit=3").json()
    assert [(each["mean"], each["seconds"], each["failed"]) for each in first["looks"]] == [(0.5, 60, 0)] * 3
    last = get(f"probes/rose/n08/looks?cursor={first['next']}").json()
    assert (len(last["looks"]), last["next"], last["unit"]) == (1, None, "s")
    assert get("probes/rose/moon/looks").status_code == get("probes/rose/moon").status_code == 404
    assert here.get("/api/v1/probes", headers=here.bearer("plan:read")).status_code == 403
