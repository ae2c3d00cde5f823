"""The published copy of the public status page: publish it now, and say how it stands."""

from cyclopts import App

from tocsin.cli import local, show
from tocsin.cli.options import HERE, AsJson
from tocsin.cli.watching import watched

FAILED = 1

status = App(name="status", group=HERE, help="The published copy of the public status page.")


@status.command
def publish(*, json: AsJson = False) -> None:
    """Publish the status page now, to the place that TOCSIN_STATUS_PUBLISH names, and wait until it is there."""
    from tocsin.status import publishing, store

    with local.installation() as installation:
        place = installation.published_at
        if place is None:
            raise store.NowhereToPublish
        site, dynamic = local.look(publishing.present)
        site = store.reading(site, installation.database)
        took = publishing.publish(place, site, dynamic)
        while took.unfinished:
            took = publishing.publish(place, site, dynamic)
    local.change(lambda tx: store.published_by_hand(tx, place.name, site.fingerprint))
    if json:
        show.as_json({"to": place.name, "written": took.written, "removed": took.removed})
    else:
        show.line(f"Published at {place.name}: {took.written} files written, {took.removed} taken away.")


@status.command
@watched
def standing(*, json: AsJson = False) -> int:
    """Say where the page is published, when it last was, and what keeps it from being so; then it fails."""
    from tocsin.status import store

    found = local.look(store.standing)
    if json:
        show.as_json(
            {
                "to": found.to or None,
                "published_at": found.published_at and found.published_at.isoformat(),
                "failing_since": found.failing_since and found.failing_since.isoformat(),
                "reason": found.reason or None,
            }
        )
    else:
        show.line(store.said(found))
    return FAILED if found.failing_since else 0
