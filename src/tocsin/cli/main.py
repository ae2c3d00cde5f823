"""The command line: its commands, and what each failure tells the shell."""

import errno
import io
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Annotated, Any, Never

from cyclopts import App, CycloptsError, CycloptsPanel, Parameter, UnusedCliTokensError

from tocsin.cli import calendars, completing, show
from tocsin.cli.audit import app as audit
from tocsin.cli.board import board
from tocsin.cli.contacts import contacts
from tocsin.cli.evidence import evidence
from tocsin.cli.incidents import incidents
from tocsin.cli.ledger import app as ledger
from tocsin.cli.letters import letters
from tocsin.cli.mailin import mail
from tocsin.cli.mcp import server as mcp_server
from tocsin.cli.oncall import oncall
from tocsin.cli.options import COMMANDS, HERE, AsJson, Flag
from tocsin.cli.people import people, token
from tocsin.cli.plan import plan
from tocsin.cli.plancheck import check
from tocsin.cli.plancoverage import coverage
from tocsin.cli.planrules import try_rules
from tocsin.cli.probes import probes
from tocsin.cli.reports import reports
from tocsin.cli.review import postmortem, review
from tocsin.cli.search import search
from tocsin.cli.secrecy import secrecy
from tocsin.cli.secrets import secrets
from tocsin.cli.signal import signal
from tocsin.cli.silence import silence
from tocsin.cli.slack import slack
from tocsin.cli.status import status
from tocsin.cli.subscribers import subscribers
from tocsin.cli.telling import telling
from tocsin.cli.watching import spelled_out
from tocsin.cli.webhooks import webhook
from tocsin.cli.work import work
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Overloaded, Refused, TocsinError
from tocsin.kit.text import listed, nearest

EXIT_CODES: Mapping[type[TocsinError], int] = {Invalid: 2, NotFound: 3, Refused: 4, Forbidden: 5, Overloaded: 6}
FAILED = 1
INTERRUPTED = 130
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}  # what keeps a file from taking our output

app = App(
    name="tocsin",
    help="Incident response in which the written plan is the program.",
    version=lambda: metadata.version("tocsin"),
    help_format="plaintext",
    group_commands=HERE,
    result_action="return_value",
)
SINGLE = (
    incidents,
    search,
    ledger,
    audit,
    work,
    secrecy,
    letters,
    telling,
    reports,
    probes,
    evidence,
    mail,
    board,
    mcp_server,
)
for commands in SINGLE:
    for name in (one for one in commands if not one.startswith("-")):
        app.command(commands[name], name=name)
PARTS = (
    postmortem,
    review,
    oncall,
    contacts,
    plan,
    people,
    token,
    secrets,
    slack,
    signal,
    silence,
    status,
    subscribers,
    webhook,
)
for part in PARTS:
    part.group_commands = COMMANDS  # the part itself stands in the group that says where it may be typed
    app.command(part)
plan.command(check)
plan.command(coverage)
plan.command(try_rules, name="try-rules")
for one in (calendars.feeds, calendars.feed, calendars.revoke):
    oncall.command(one)
oncall.command(calendars.import_shifts, name="import")

# What newcomers type, after what other programs call it. It is answered with the command that there is.
OTHER_WORDS = {
    "incidents": ("list", "ls"),
    "declare": ("new", "create", "start"),
    "ack": ("acknowledge",),
    "top": ("dashboard", "board", "watch"),
    "signals": ("alerts",),
    "signal": ("alert", "send"),
    "oncall": ("on-call", "schedule", "schedules", "who"),
    "people": ("users", "user"),
    "probes": ("vendors", "monitors", "checks"),
    "changes": ("deployments", "deploys"),
    "note": ("comment",),
    "postmortem": ("post-mortem",),
    "show": ("get", "view"),
}
for name, words in OTHER_WORDS.items():
    app[name].synonym = words


@app.command
def doctor(
    *,
    strict: Annotated[
        Flag, Parameter(help="Fail also where a page or an update would be kept from going out.")
    ] = False,
    json: AsJson = False,
) -> int:
    """Examine the database of this machine: each invariant that does not hold, and what keeps pages or updates back."""
    from tocsin.cli import local
    from tocsin.response import doctor as examiner
    from tocsin.response import readiness

    with local.installation() as installation:
        has_mail, offers = bool(installation.settings.smtp_url), installation.offers
        means = installation.means
    found = local.look(examiner.examine)
    hindrances = local.look(lambda tx: readiness.hindrances(tx, has_mail=has_mail, offers=offers))
    unheard = local.look(lambda tx: readiness.unheard(tx, means))
    if json:
        show.as_json({"ok": not found, "problems": found, "pages": hindrances, "updates": unheard})
    else:
        show.line("\n".join(found) or "All is well.")
        for one in hindrances:
            show.line(f"A page may not go out: {one}")
        for one in unheard:
            show.line(f"An update may not go out: {one}")
    return FAILED if found or (strict and (hindrances or unheard)) else 0


@app.command
def migrate(*, json: AsJson = False) -> None:
    """Bring the database of this machine up to date, and put the first plan into force if there is none.

    Run it with the server's settings: it does what the server does when it starts.
    """
    from tocsin.cli import local
    from tocsin.plan import store

    with local.installation(begins=True) as installation:
        installation.prepare()
    revision = local.look(store.current_revision)
    if json:
        show.as_json({"revision": revision.id, "name": revision.name, "version": revision.version})
    else:
        show.line(f"The database is up to date; {revision.name} {revision.version} is in force.")


def _said(error: CycloptsError) -> Any:
    """A mistake in what was typed, as the library says it, but for a word too much."""
    if not isinstance(error, UnusedCliTokensError) or not error.unused_tokens:
        return CycloptsPanel(error)
    known = [name for name in error.app or () if not name.startswith("-")]
    word, names = error.unused_tokens[0], " ".join(error.command_chain or ())
    meant = nearest(word, known)
    hint = f'; did you mean "{meant}"?' if meant else f"; its commands are {listed(known)}." if known else "."
    return CycloptsPanel(f'"{names}" takes no word "{word}"{hint}')


def run(arguments: Sequence[str] | None = None) -> Never:
    """Carry out a command line (the program's own unless given) and end with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that the terminal does not have is told by its number
            stream.reconfigure(errors="backslashreplace")
    sys.exit(exit_code(arguments))


def exit_code(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line. A failure that a user can mend is printed in its own words, never as a traceback."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if typed[:1] == [completing.ASKED]:
            completing.answer(app, typed[1:])
            return 0
        answer = app([*spelled_out(typed)], exit_on_error=False, error_formatter=_said)
        sys.stdout.flush()
    except TocsinError as error:
        show.error(str(error))  # here it is read by whoever may know of the database what no caller is told
        return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), FAILED)
    except CycloptsError:
        return EXIT_CODES[Invalid]  # what is wrong has been printed
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as head, has had enough
        _hush()
        return 0
    except OSError as error:
        if error.errno not in FULL:
            raise
        _hush()
        show.error(f"The output could not be written: {error.strerror}.")
        return FAILED
    return answer if isinstance(answer, int) else 0


def _hush() -> None:
    """Leave nothing that could fail when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
