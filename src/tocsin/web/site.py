"""The console: its pages composed, and what holds for all of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined
from litestar import MediaType, Response, Router
from litestar.config.csrf import CSRFConfig
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect, Template
from litestar.template import TemplateConfig
from markupsafe import Markup

from tocsin.audit.model import Deed
from tocsin.kit.actor import SYSTEM
from tocsin.kit.errors import Forbidden, Invalid, NotFound, Overloaded, Refused, TocsinError
from tocsin.people.access import NotAllowed
from tocsin.web import (
    answers,
    assets,
    audit,
    changes,
    cookies,
    declare,
    documents,
    door,
    escaping,
    evidence,
    feeds,
    frame,
    handoffs,
    heartbeats,
    incidents,
    installed,
    integrations,
    learning,
    letters,
    manage,
    mapping,
    mine,
    now,
    oncall,
    oncallnow,
    palette,
    plan,
    planchange,
    plandocument,
    probes,
    proving,
    reach,
    reports,
    rota,
    search,
    sessions,
    signal,
    signals,
    silences,
    sso,
    subscribers,
    subscribing,
    told,
    trying,
    webhooks,
)
from tocsin.web import status as status_page
from tocsin.web.forms import MOST_FORM_BYTES, AnyRequest, read_form

HERE = Path(__file__).parent
SAFE = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # no-referrer would make a browser hide the origin of our own forms
}

WRONG = {
    400: ("This can't be read", "Go back, and try it again from the page itself."),
    403: ("You may not do this", "An administrator can give you the right."),
    404: ("There is nothing here", "The address may be cut off, or what it named is gone."),
    405: ("This address can't be used that way", "Go back to the page, and press its button."),
    409: ("Not now", "Go back; the page shows how things stand."),
    413: ("This is too much", "Shorten it, and send it again."),
    503: ("Not for the moment", "Nothing was changed. Try it again in a few seconds."),
}
OLD_FORM = ("Nothing was changed", "Go back, and what you typed may still stand there to be copied.")
KINDS: tuple[tuple[type[TocsinError], int], ...] = (
    (NotFound, 404),
    (Invalid, 400),
    (Forbidden, 403),
    (Refused, 409),
    (Overloaded, 503),
)


def routes(calendars: feeds.Calendars, on_call: oncallnow.OnCallBoard) -> list[Any]:
    """Every page of the console and its static files, and what is kept as bytes for many readers."""
    pages = Router(
        path="/",
        route_handlers=[
            *sessions.routes(),
            *sso.routes(),
            *answers.routes(),
            *now.routes(),
            *probes.routes(),
            *search.routes(),
            *signal.routes(),
            *signals.routes(),
            *silences.routes(),
            *declare.routes(),
            *incidents.routes(),
            *evidence.routes(),
            *documents.routes(),
            *changes.routes(),
            *oncall.routes(),
            *rota.routes(),
            *handoffs.routes(),
            *plan.routes(),
            *plandocument.routes(),
            *planchange.routes(),
            *trying.routes(),
            *learning.routes(),
            *reach.routes(),
            *letters.routes(),
            *manage.routes(),
            *webhooks.routes(),
            *integrations.routes(),
            *mine.routes(),
            *door.routes(),
            *proving.routes(),
            *audit.routes(),
            *reports.routes(),
            *subscribing.routes(),
            *subscribers.routes(),
            *mapping.routes(),
            *heartbeats.routes(),
            *told.routes(),
            *palette.routes(),
            *installed.routes(),
        ],
        dependencies={
            "visitor": Provide(sessions.visitor, sync_to_thread=True),
            "form": Provide(read_form),
            "proven": Provide(proving.proven, sync_to_thread=True),
        },
        exception_handlers=exception_handlers(),
        request_max_body_size=MOST_FORM_BYTES,
        response_headers=SAFE,
        include_in_schema=False,
    )
    return [pages, *assets.routes(), *feeds.routes(calendars), *oncallnow.routes(on_call)]


def template_config() -> TemplateConfig[JinjaTemplateEngine]:
    environment = escaping.Escaping(
        auto_reload=False,  # the files of an installation stay as they are
        loader=ChoiceLoader([FileSystemLoader(HERE / "templates"), PackageLoader("tocsin.status", "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(escaping.FILTERS)
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment))


def csrf_config(secret: str) -> CSRFConfig:
    """Forms carry a token that another site can't know. Whatever brings its own credential is left out."""
    return CSRFConfig(
        secret=secret,
        cookie_name=cookies.FORM,
        cookie_httponly=True,
        exclude=["^/api/", "^/v2/", "^/a/", "^/in/", "^/status/", "^/signin/sso/logout$"],
    )


Handler = Callable[[AnyRequest, Any], Response[Any]]


def exception_handlers() -> dict[Any, Handler]:
    """A page in the look for whatever went wrong: what happened, and what to do."""
    return {
        sessions.SignInFirst: _sign_in_first,
        sessions.FactorFirst: _factor_first,
        proving.ProveFirst: _prove_first,
        TocsinError: _refused,
        HTTPException: _http_error,
    }


def _sign_in_first(request: AnyRequest, why: sessions.SignInFirst) -> Response[Any]:
    page = sessions.see_other(request, why.form)
    page.headers = {**page.headers, **SAFE}  # what a route puts on its pages by itself
    return page


def _factor_first(request: AnyRequest, _: sessions.FactorFirst) -> Response[Any]:
    return Redirect(f"{sessions.SET_UP_AT}#factor", status_code=303)


def _prove_first(request: AnyRequest, why: proving.ProveFirst) -> Response[Any]:
    page = proving.ask(request, why)
    page.headers = {**page.headers, **SAFE}  # what a route puts on its pages by itself
    return page


def _refused(request: AnyRequest, why: TocsinError) -> Response[Any]:
    status = next((status for kind, status in KINDS if isinstance(why, kind)), 409)
    if isinstance(why, NotAllowed):
        _note(request, Deed.RIGHT_MISSING)
    elif isinstance(why, NotFound) and "{token" in request.scope.get("path_template", ""):
        _note(request, Deed.LINK_REFUSED)  # one that nobody was sent
    return _error_page(request, status, why.message, why)


def _http_error(request: AnyRequest, why: HTTPException) -> Response[Any]:
    if not _is_csrf(why):
        return _error_page(request, why.status_code, "")
    _note(request, Deed.FORM_REFUSED, by=_signed_in(request))
    said = "This form has grown old; open the page again, and send it from there."
    page = _error_page(request, 403, said, words=OLD_FORM)
    # A token of another installation, left at this address, would be refused for ever: let the next page bring its own.
    page.delete_cookie(cookies.FORM)
    return page


def _note(request: AnyRequest, deed: Deed, by: str = "") -> None:
    """For the audit log: who tried, as far as is known, and which of our addresses; its own path may hold a secret."""
    app, actor = sessions.installation(request), request.scope["state"].get("actor")
    about, source = str(request.scope.get("path_template", "")), sessions.source_of(request)
    app.refusals.note(deed, app.database.now(), actor=actor.handle if actor else by, about=about, source=source)


def _signed_in(request: AnyRequest) -> str:
    """In whose browser it was tried, where nobody has asked for that yet; empty if nobody is signed in there."""
    if not request.cookies.get(cookies.SESSION):
        return ""
    try:
        with sessions.installation(request).database.read(SYSTEM) as tx:
            visitor = sessions.met(request, tx)
    except TocsinError:
        return ""
    return visitor.actor.handle if visitor else ""


def _is_csrf(why: HTTPException) -> bool:
    return why.status_code == 403 and "CSRF" in str(why.detail)


def _public(request: AnyRequest, status: int, said: str, why: TocsinError | None) -> Template | None:
    """The same in the frame and the language of the public page, for whoever met it there; None if that can't be put
    together. What no stranger meets who uses our forms is said in English alone."""
    path = request.url.path
    if not path.startswith("/status/"):
        return None
    # Nobody goes back to a form that is not there.
    forms = ("/status/subscribe", "/status/report") if status != 404 else ()
    form = next((one for one in forms if path == one), "")
    try:
        around = status_page.frame(sessions.installation(request), request)
    except TocsinError:
        return None
    words = around.words
    said = status_page.why_not(around, why) if why else said if words.code == "en" else ""
    known = status if f"wrong_{status}" in words.texts else "other"
    view = {"heading": words.says(f"wrong_{known}"), "said": said, "advice": words.says(f"advice_{known}")}
    headers = {"cache-control": "no-store", "content-language": words.code}
    context = {**status_page.spoken(around), **view, "form": form}
    return Template("status_refused.html", context=context, status_code=status, headers=headers)


def _missing(request: AnyRequest, view: Mapping[str, Any]) -> Response[Any] | None:
    """The same with the navigation, for whoever is signed in; None if that can't be put together."""
    if not request.cookies.get(cookies.SESSION):
        return None
    database = sessions.installation(request).database
    try:
        with database.read(SYSTEM) as tx:
            visitor = sessions.met(request, tx)
        if visitor is None:
            return None
        with database.read(visitor.actor) as tx:  # the frame shows what is open: with their eyes, and no others
            page = frame.page(request, visitor, tx, "missing.html", here="", **view)
    except TocsinError:
        return None
    # At an address that is none nobody has looked for the token of the page's forms.
    token = Markup('<input type="hidden" name="_csrf_token" value="{}">').format(request.cookies.get(cookies.FORM, ""))
    text = frame.rendered(request, "missing.html", **page.context, csrf_input=token)
    return Response(text, media_type=MediaType.HTML, status_code=page.status_code, headers=page.headers)


def _error_page(
    request: AnyRequest, status: int, said: str, why: TocsinError | None = None, words: tuple[str, str] | None = None
) -> Response[Any]:
    title, advice = words or WRONG.get(status, ("This did not work", "Go back, and try it again."))
    view: dict[str, Any] = {"title": title, "status": status, "heading": title, "said": said, "advice": advice}
    page: Response[Any] | None = _public(request, status, said, why)
    if page is None and status == 404:
        page = _missing(request, view)
    page = page or frame.bare(request, "error.html", **view)
    headers = {**page.headers, **SAFE} | ({"retry-after": "1"} if status == 503 else {})
    page.headers = headers
    return page
