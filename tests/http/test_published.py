"""The public page as files elsewhere: in a folder, in storage, on a branch; by command, and whenever it changes."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import bucket
from tests.support.served import EVERY_RIGHT, Served, served
from tests.support.terminal import Terminal
from tests.support.world import RecordingChannel
from tocsin.delivery import outbox
from tocsin.delivery.channel import Channel
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Invalid
from tocsin.kit.sigv4 import Credentials
from tocsin.people import commands
from tocsin.people import store as people
from tocsin.people.model import AccountRole
from tocsin.plan import store as plans
from tocsin.response.dispatch import send_due
from tocsin.settings import Settings
from tocsin.status import publishing, store
from tocsin.status.branch import Branch, split
from tocsin.status.bucket import Bucket
from tocsin.status.folder import Folder
from tocsin.status.places import MANIFEST, NotTaken, PublishedAt
from tocsin.status.site import HTML, JSON, File

NOW = datetime(2026, 11, 24, 3, 34, 19, tzinfo=UTC)
FILES = {
    "index.html": File(b"all is well", HTML),
    "i/one/index.html": File(b"one", HTML),
    "i/two/index.html": File(b"two", HTML),
    "api/v2/status.json": File(b"{}", JSON),
}
LATER = {name: file for name, file in FILES.items() if "two" not in name} | {"index.html": File(b"it burns", HTML)}


def git(where: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(where), *arguments], capture_output=True, check=True, text=True)
    return done.stdout.strip()


class Place:
    """A place to publish at, and what a reader finds there."""

    def __init__(self, at: PublishedAt, holds: Callable[[], dict[str, bytes]]) -> None:
        self.at = at
        self.holds = holds


@contextmanager
def folder(tmp_path: Path) -> Iterator[Place]:
    root = tmp_path / "site"

    def holds() -> dict[str, bytes]:
        return {str(one.relative_to(root)): one.read_bytes() for one in root.rglob("*") if one.is_file()}

    yield Place(Folder(root), holds)


@contextmanager
def storage(_: Path) -> Iterator[Place]:
    with bucket.storage(lambda: NOW) as kept:
        credentials = Credentials(bucket.KEY, bucket.SECRET, bucket.REGION)
        at = Bucket(kept.url, kept.bucket, "a b", credentials, lambda: NOW)
        yield Place(at, lambda: {key.removeprefix("a b/"): body for key, (_, body) in kept.held.items()})


@contextmanager
def branch(tmp_path: Path) -> Iterator[Place]:
    git(tmp_path, "init", "--quiet", "--bare", "hub.git")
    hub = tmp_path / "hub.git"

    def holds() -> dict[str, bytes]:
        names = git(hub, "ls-tree", "-r", "--name-only", "status").splitlines()
        return {name: git(hub, "show", f"status:{name}").encode() for name in names if name != ".nojekyll"}

    yield Place(Branch(*split(f"git+file://{hub}")), holds)


PLACES = [folder, storage, pytest.param(branch, marks=pytest.mark.needs("git"))]


@pytest.mark.parametrize("kind", PLACES)
def test_a_place_holds_what_was_published_and_what_is_gone_goes_there_too(kind: Any, tmp_path: Path) -> None:
    with kind(tmp_path) as place:
        first = place.at.publish(FILES)
        assert (first.written, first.removed) == (4, 0)
        assert {name: body for name, body in place.holds().items() if name != MANIFEST} == {
            name: file.body for name, file in FILES.items()
        }
        again = place.at.publish(FILES)
        assert (again.written, again.removed) == (0, 0)
        later = place.at.publish(LATER)
        assert (later.written, later.removed) == (1, 1)
        assert {name: body for name, body in place.holds().items() if name != MANIFEST} == {
            name: file.body for name, file in LATER.items()
        }


# ---- A folder ----


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(NotTaken, match="holds other things"):
        Folder(tmp_path).publish(FILES)
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_others_put_beside_the_files_stays(tmp_path: Path) -> None:
    Folder(tmp_path).publish(FILES)
    (tmp_path / "CNAME").write_text("status.example.org")
    Folder(tmp_path).publish(LATER)
    assert (tmp_path / "CNAME").read_text() == "status.example.org"
    assert not (tmp_path / "i" / "two").exists() and (tmp_path / "i" / "one").is_dir()


def test_a_manifest_that_was_tampered_with_removes_nothing_outside(tmp_path: Path) -> None:
    outside = tmp_path / "keep.txt"
    outside.write_text("keep")
    root = tmp_path / "site"
    Folder(root).publish(FILES)
    known = json.loads((root / MANIFEST).read_text())
    (root / MANIFEST).write_text(json.dumps({**known, "../keep.txt": "0", "/etc/hosts": "0", "a/../../keep.txt": "0"}))
    Folder(root).publish(LATER)
    assert outside.read_text() == "keep"


def test_a_file_that_somebody_deleted_is_written_again(tmp_path: Path) -> None:
    Folder(tmp_path).publish(FILES)
    (tmp_path / "index.html").unlink()
    assert Folder(tmp_path).publish(FILES).written == 1
    assert (tmp_path / "index.html").read_bytes() == b"all is well"


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotTaken, match="can't be written"):
        Folder(tmp_path / "file" / "site").publish(FILES)


# ---- Storage ----


def in_storage(
    kept: bucket.Storage, name: str = "", secret: str = bucket.SECRET, region: str = bucket.REGION
) -> Bucket:
    credentials = Credentials(bucket.KEY, secret, region)
    return Bucket(kept.url, name or kept.bucket, "", credentials, lambda: NOW)


def test_each_file_has_its_kind_and_the_pages_come_last() -> None:
    with bucket.storage(lambda: NOW) as kept:
        in_storage(kept).publish(FILES)
        assert kept.held["index.html"][0] == HTML and kept.held["api/v2/status.json"][0] == JSON
        assert kept.asked[0] == ("GET", MANIFEST) and kept.asked[-1] == ("PUT", MANIFEST)


def test_what_storage_says_no_to_is_told_with_what_to_do() -> None:
    with bucket.storage(lambda: NOW) as kept:
        with pytest.raises(NotTaken, match="403: the key may not do this, or is wrong: TOCSIN_STATUS_S3_KEY"):
            in_storage(kept, secret="another").publish(FILES)
        with pytest.raises(NotTaken, match="403"):
            in_storage(kept, region="us-east-1").publish(FILES)
        with pytest.raises(NotTaken, match="there is no such bucket"):
            in_storage(kept, name="another").publish(FILES)
        assert kept.held == {}


def test_a_clock_that_is_wrong_signs_nothing() -> None:
    with bucket.storage(lambda: NOW + timedelta(hours=1)) as kept, pytest.raises(NotTaken, match="403"):
        in_storage(kept).publish(FILES)


def test_storage_that_is_away_is_told_of() -> None:
    with bucket.storage(lambda: NOW) as kept:
        at = in_storage(kept)
    with pytest.raises(NotTaken, match="does not answer"):
        at.publish(FILES)


# ---- A branch ----


@pytest.mark.needs("git")
def test_a_branch_is_one_commit_so_that_what_was_taken_down_is_in_no_history(tmp_path: Path) -> None:
    with branch(tmp_path) as place:
        place.at.publish(FILES)
        place.at.publish(LATER)
    assert git(tmp_path / "hub.git", "rev-list", "--count", "status") == "1"


@pytest.mark.needs("git")
def test_a_branch_that_holds_other_things_is_left_alone(tmp_path: Path) -> None:
    with branch(tmp_path):
        work = tmp_path / "work"
        git(tmp_path, "clone", "--quiet", "hub.git", "work")
        (work / "thesis.txt").write_text("mine")
        git(work, "add", ".")
        git(work, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "Write")
        git(work, "push", "--quiet", "origin", "HEAD:main")
        with pytest.raises(NotTaken, match="holds other things"):
            Branch(f"file://{tmp_path / 'hub.git'}", "main").publish(FILES)
    assert git(tmp_path / "hub.git", "ls-tree", "--name-only", "main") == "thesis.txt"


@pytest.mark.needs("git")
def test_no_password_is_shown_when_git_fails(tmp_path: Path) -> None:
    at = Branch("http://ana:s3cret@127.0.0.1:9/status.git", "status")
    with pytest.raises(NotTaken) as refused:
        at.publish(FILES)
    assert "s3cret" not in str(refused.value) and "s3cret" not in at.name
    assert "127.0.0.1:9/status.git#status" in str(refused.value)


# ---- What the settings say ----


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"status_publish": "/srv/status"}, "/srv/status"),
        ({"status_publish": "git+https://ana:pw@host.test/a.git#pages"}, "https://host.test/a.git#pages"),
        ({"status_publish": "s3://rose/status", "status_s3_key": "k", "status_s3_secret": "s"}, "s3://rose/status"),
    ],
)
def test_a_place_is_named_without_its_secrets(settings: dict[str, str], name: str) -> None:
    found = publishing.place(Settings(**settings), lambda: NOW)
    assert found is not None and found.name == name


@pytest.mark.parametrize("wanted", ["s3://rose", "ftp://host/folder", "https://host"])
def test_a_place_that_is_none_is_refused_at_the_start(wanted: str) -> None:
    with pytest.raises(Invalid, match="TOCSIN_STATUS_"):
        publishing.place(Settings(status_publish=wanted), lambda: NOW)


# ---- Whenever it changes ----


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "site"


@pytest.fixture
def here(sqlite_url: str, root: Path) -> Iterator[Served]:
    with served(sqlite_url, status_publish=str(root)) as one:
        yield one


def send(here: Served, mail: Channel | None = None) -> None:
    """What the engine does: house-keeping, then whatever is due."""
    here.app.database.run(SYSTEM, store.catch_up)
    assert here.app.published_at is not None
    channels: dict[str, Channel] = {store.CHANNEL: publishing.Publisher(here.app.database, here.app.published_at)}
    channels |= {"email": mail} if mail else {}
    here.run(send_due(here.app.database, channels))


def standing(here: Served) -> store.Standing:
    with here.app.database.read(SYSTEM) as tx:
        return store.standing(tx)


def tell(here: Served, incident: str = "", stage: str = "investigating", **changes: Any) -> str:
    headers = here.bearer(*EVERY_RIGHT, name="robot")
    with here.app.database.read(SYSTEM) as tx:
        plan = plans.current(tx)
    kind = changes.pop("type", next(name for name, one in plan.types.items() if not one.private))
    about = {"title": "secret-title", "severity": "P1", "type": kind, "service": "rose", **changes}
    incident = incident or here.post("/api/v1/incidents", json=about, headers=headers).json()["id"]
    fields = {"issue": "replies hang", "impact": "Rose is slow.", "cause": "a slow store", "message": "Slow."}
    body = {"audience": "public", "stage": stage, "fields": fields}
    answer = here.post(f"/api/v1/incidents/{incident}/updates", json=body, headers=headers)
    assert answer.is_success, answer.text
    return incident


def test_a_public_update_is_published_at_once(here: Served, root: Path) -> None:
    send(here)
    assert "Everything works." in (root / "index.html").read_text()
    tell(here)
    with here.app.database.read(SYSTEM) as tx:
        assert outbox.is_queued(tx, store.CHANNEL)
    send(here)
    page = (root / "index.html").read_text()
    assert "Replies hang" in page and "secret-title" not in page
    assert json.loads((root / "api/v2/status.json").read_text())["status"]["indicator"] == "major"
    assert len(list((root / "i").iterdir())) == 1
    assert standing(here).failing_since is None and standing(here).published_at == here.clock.now()


def test_what_becomes_confidential_is_taken_away(here: Served, root: Path) -> None:
    incident = tell(here)
    send(here)
    (page,) = (root / "i").iterdir()
    headers = here.bearer(*EVERY_RIGHT, name="other")
    body = {"because": "a person is named"}
    answer = here.post(f"/api/v1/incidents/{incident}/confidential", json=body, headers=headers)
    assert answer.is_success, answer.text
    send(here)
    assert not page.exists()
    assert not any(b"eplies hang" in one.read_bytes() for one in root.rglob("*") if one.is_file())


def test_a_new_day_is_published_and_a_quiet_minute_is_not(here: Served) -> None:
    send(here)
    here.clock.advance_to(here.clock.now() + timedelta(minutes=5))
    here.app.database.run(SYSTEM, store.catch_up)
    with here.app.database.read(SYSTEM) as tx:
        assert not outbox.is_queued(tx, store.CHANNEL)
    here.clock.advance_to(here.clock.now() + timedelta(days=1))
    here.app.database.run(SYSTEM, store.catch_up)
    with here.app.database.read(SYSTEM) as tx:
        assert outbox.is_queued(tx, store.CHANNEL)


def test_a_place_that_does_not_take_it_is_tried_again_and_told_of(here: Served, root: Path) -> None:
    with here.app.database.work(SYSTEM) as tx:
        people.change_person(tx, "ana", email="ana@rose.example", role=AccountRole.ADMINISTRATOR)
    root.mkdir()
    (root / "thesis.txt").write_text("mine")
    tell(here)
    send(here)
    found = standing(here)
    assert found.failing_since == here.clock.now() and "holds other things" in found.reason
    headers = here.bearer(*EVERY_RIGHT, name="ana-terminal", person="ana")
    assert here.get("/api/v1/incidents", headers=headers).is_success  # nothing else waits for it
    mail = RecordingChannel()
    for _ in range(8):
        here.clock.advance_to(here.clock.now() + timedelta(minutes=7))  # longer than any wait, with its jitter
        send(here, mail)
    with here.app.database.read(SYSTEM) as tx:
        assert outbox.is_queued(tx, store.CHANNEL)
    mails = [one for one in mail.sent if "published status page" in one.subject]
    assert [one.address for one in mails] == ["ana@rose.example"]
    assert "is not up to date since 2026-11-24 03:34 UTC" in mails[0].body
    (root / "thesis.txt").unlink()
    here.clock.advance_to(here.clock.now() + timedelta(minutes=7))  # longer than any wait, with its jitter
    send(here)
    assert standing(here).failing_since is None
    assert "Replies hang" in (root / "index.html").read_text()


def test_two_servers_do_not_publish_at_once(here: Served) -> None:
    assert here.app.database.run(SYSTEM, store.hold) is not None
    assert here.app.database.run(SYSTEM, store.hold) is None
    here.clock.advance_to(here.clock.now() + store.HELD)
    assert here.app.database.run(SYSTEM, store.hold) is not None


def test_without_the_setting_nothing_is_queued(sqlite_url: str) -> None:
    with served(sqlite_url) as here:
        tell(here)
        here.app.database.run(SYSTEM, store.catch_up)
        with here.app.database.read(SYSTEM) as tx:
            assert not outbox.is_queued(tx, store.CHANNEL)


# ---- Over HTTP and on the console ----


def test_the_api_says_how_it_stands_and_publishes_now(here: Served, root: Path) -> None:
    reads, writes = here.bearer("plan:read"), here.bearer("incidents:write", name="writer")
    nothing = {"to": str(root), "published_at": None, "failing_since": None, "reason": None}
    assert here.get("/api/v1/status-page", headers=reads).json() == nothing
    assert here.post("/api/v1/status-page/publish", headers=reads).status_code == 403
    assert here.post("/api/v1/status-page/publish", headers=writes).status_code == 202
    with here.app.database.read(SYSTEM) as tx:
        assert outbox.is_queued(tx, store.CHANNEL)
    send(here)
    shown = here.get("/api/v1/status-page", headers=reads).json()
    assert shown == {**nothing, "published_at": "2026-11-24T03:34:19Z"}


def test_the_api_says_that_there_is_nowhere_to_publish(sqlite_url: str) -> None:
    with served(sqlite_url) as here:
        answer = here.post("/api/v1/status-page/publish", headers=here.bearer("incidents:write"))
        assert answer.status_code == 409 and "TOCSIN_STATUS_PUBLISH" in answer.json()["detail"]


def test_the_first_page_says_that_the_copy_is_behind(here: Served) -> None:
    here.app.database.run(SYSTEM, lambda tx: store.failed(tx, "it is full"))
    with here.app.database.work(SYSTEM) as tx:
        secret = commands.signin_link(tx, "ana")
    form = here.get(f"/signin/{secret}")
    token = re.search(r'name="_csrf_token" value="([^"]+)"', form.text)
    assert token is not None
    here.post(f"/signin/{secret}", data={"_csrf_token": token[1]})
    page = here.get("/")
    assert page.status_code == 200
    assert "The published status page is behind since" in page.text and "it is full" in page.text


# ---- By command ----


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sqlite_url: str) -> Terminal:
    return Terminal(monkeypatch, capsys, {"TOCSIN_DATABASE_URL": sqlite_url})


def test_the_command_publishes_now(sqlite_url: str, root: Path, terminal: Terminal) -> None:
    with served(sqlite_url) as here:
        tell(here)
    terminal.set("TOCSIN_STATUS_PUBLISH", str(root))
    said = terminal.done("status", "publish")
    assert f"Published at {root}: " in said and "0 taken away" in said
    assert "Replies hang" in (root / "index.html").read_text()
    assert terminal("status", "publish", "--json").json == {"to": str(root), "written": 0, "removed": 0}


def test_the_command_says_what_is_missing(sqlite_url: str, tmp_path: Path, terminal: Terminal) -> None:
    with served(sqlite_url):
        pass
    refused = terminal("status", "publish")
    assert refused.code == 4 and "TOCSIN_STATUS_PUBLISH is not set" in refused.err
    assert "published nowhere but here" in terminal.done("status", "standing")
    (tmp_path / "thesis.txt").touch()
    terminal.set("TOCSIN_STATUS_PUBLISH", str(tmp_path))
    refused = terminal("status", "publish")
    assert refused.code == 4 and "holds other things" in refused.err
    terminal.set("TOCSIN_STATUS_PUBLISH", "ftp://x")
    assert terminal("status", "publish").code == 2


def test_the_command_says_how_it_stands(here: Served, root: Path, sqlite_url: str, terminal: Terminal) -> None:
    assert terminal.done("status", "standing") == f"{root}: not published yet.\n"
    send(here)
    assert terminal("status", "standing", "--json").json["published_at"] == "2026-11-24T03:34:19+00:00"
    here.app.database.run(SYSTEM, lambda tx: store.failed(tx, "it is full"))
    standing = terminal("status", "standing")
    assert standing.code == 1
    assert standing.out.endswith("behind since 2026-11-24 03:34:19 UTC: it is full\n")
