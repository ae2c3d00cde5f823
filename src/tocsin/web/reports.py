"""The form at which anybody says what does not work: no account, no cookie and no script."""

from typing import Any

from litestar import get, post
from litestar.params import FromQuery
from litestar.response import Redirect, Template

from tocsin.app import App
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Invalid, NotFound, Overloaded, TocsinError
from tocsin.plan import store as plans
from tocsin.plan.model import Plan
from tocsin.response import reporting as reports
from tocsin.signals import reporting
from tocsin.status.site import Frame
from tocsin.web.forms import AnyRequest, Form, Sent
from tocsin.web.sessions import installation
from tocsin.web.status import again, frame, is_from_here, refusal, spoken

PATH = "/status/report"
BODY_MOST = 20_000  # bytes
TRAP = "website"  # a field that no person sees; whoever fills it in is a machine


class NoForm(NotFound):
    """Nothing is reported here."""


class TooMany(Overloaded):
    """Very many report now. Yours was not kept; wait a minute, and send it again."""


@get(PATH, sync_to_thread=True)
def show_form(request: AnyRequest, thanks: FromQuery[str | None] = None) -> Template:
    return _form(request, "status_report_sent.html" if thanks is not None else "status_report.html", Form())


def _form(request: AnyRequest, template: str, form: Form, why: TocsinError | None = None) -> Template:
    """The form, with what was typed and why it was not taken."""
    app = installation(request)
    plan, key = _opened(app)
    around = frame(app, request)
    refused = refusal(around, why) if why else None
    shown = _page(
        around,
        template,
        stamp=reporting.stamp(key, app.database.now()),
        trap=TRAP,
        parts=_shown(plan),
        words_most=reporting.WORDS_MOST,
        contact_most=reporting.CONTACT_MOST,
        typed=form.typed(),
        refused=refused,
    )
    return again(shown, refused)


@post(PATH, sync_to_thread=True, opt={"exclude_from_csrf": True}, request_max_body_size=BODY_MOST)
def send_form(request: AnyRequest, form: Sent) -> Template | Redirect:
    """Keep a report. A refusal shows the form again, with what was typed."""
    try:
        return _sent(request, form)
    except (Invalid, Overloaded) as why:
        if not is_from_here(request):
            raise
        return _form(request, "status_report.html", form, why)


def _sent(request: AnyRequest, form: Form) -> Redirect:
    app = installation(request)
    plan, key = _opened(app)
    reporting.check_stamp(key, form.text("stamp"), app.database.now())
    if not form.text(TRAP):
        _keep(app, plan, key, form, request.client.host if request.client else "")
    language = frame(app, request).place.language
    return Redirect(f"{PATH}?thanks=1" + (f"&lang={language}" if language else ""), status_code=303)


def _shown(plan: Plan) -> list[tuple[str, str]]:
    """What the status page names anyway."""
    return [(key, one.name) for service in plan.services.values() for key, one in service.components.items()]


def _keep(app: App, plan: Plan, key: bytes, form: Form, address: str) -> None:
    by = reporting.person(key, address)
    about = form.text("about") if form.text("about") in dict(_shown(plan)) else ""
    said = reporting.Report(words=form.text("words"), about=about, contact=form.text("contact"), by=by)
    if not app.strangers.take(by, app.database.now()):
        raise TooMany
    app.database.run(SYSTEM, lambda tx: reports.take(tx, said))


def _opened(app: App) -> tuple[Plan, bytes]:
    """The plan that has the form, and the key by which the form is known. Raises NoForm."""
    with app.database.read(SYSTEM) as tx:
        plan = plans.current(tx)
    if plan.reports is None or not plan.reports.form:
        raise NoForm
    return plan, app.signing_key.encode()


def _page(around: Frame, template: str, **view: Any) -> Template:
    headers = {"cache-control": "no-store", "content-language": around.words.code}
    return Template(template, context={**spoken(around), **view}, headers=headers)


def routes() -> list[Any]:
    return [show_form, send_form]
