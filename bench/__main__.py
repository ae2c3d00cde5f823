"""Measure: `python -m bench` everything, `python -m bench NAME …` only that. The results are in build/bench.json."""

import sys
from collections.abc import Callable

from bench import (
    detect,
    due,
    explain,
    fanout,
    feed,
    idle,
    intake,
    kill,
    live,
    page,
    pages,
    plan,
    probes,
    public,
    record,
    room,
    schedule,
    search,
    status,
    storm,
    visible,
)
from bench.installation import BUILD
from bench.measure import Measured, save, table
from tocsin.kit.clock import stopwatch

BENCHES: dict[str, Callable[[], list[Measured]]] = {
    "intake": intake.singles,
    "intake-batch": intake.batches,
    "intake-pg": intake.on_postgresql,
    "page": page.latency,
    "page-hang": page.beside_a_hanging_provider,
    "due": due.lateness,
    "storm": storm.storm,
    "idle": idle.footprint,
    "kill": kill.nights,
    "status": status.readers,
    "weight": public.weight,
    "static": public.publishing,
    "check": plan.rose,
    "check-10x": plan.ten_times,
    "fold": record.fold,
    "replay": record.replay,
    "verify": record.verify,
    "schedule": schedule.schedule,
    "feed": feed.feed,
    "probes": probes.looks,
    "detect": detect.detection,
    "explain": explain.explained,
    "visible": visible.visible,
    "fanout": fanout.fanout,
    "live": live.live,
    "room": room.room,
    "search": search.search,
    "pages": pages.pages,
}


def main(wanted: list[str]) -> int:
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        print(f"There is no measurement called {', '.join(unknown)}; there are {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    found: list[Measured] = []
    for name in wanted or BENCHES:
        found += _measured(name)
    print("\n" + table(found))
    save(found, BUILD / "bench.json")
    return 0


def _measured(name: str) -> list[Measured]:
    print(f"{name} …", end=" ", flush=True, file=sys.stderr)
    began = stopwatch()
    found = BENCHES[name]()
    print(f"{stopwatch() - began:.0f} s", file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
