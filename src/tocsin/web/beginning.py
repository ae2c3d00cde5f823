"""What keeps an installation from doing its work, shown on the front page until the first incident was declared."""

from dataclasses import dataclass

from tocsin.app import App, example_plan
from tocsin.door import store as door
from tocsin.incidents import store as incidents
from tocsin.plan import store as plans
from tocsin.response import readiness
from tocsin.signals import store as signals
from tocsin.web.frame import Tx, Visitor

MOST = 8
EXAMPLE = "The plan in force is the example, for a service called Rose; tocsin plan apply FILE puts yours in its place."


@dataclass(frozen=True)
class Step:
    """Something that is not as it should be on the first bad night, and the page that mends it, if there is one."""

    text: str
    href: str = ""
    label: str = ""


def steps(visitor: Visitor) -> tuple[Step, ...]:
    """What an administrator has to see to; nothing once there was an incident, and for nobody else."""
    if not visitor.is_administrator:
        return ()
    app = visitor.app
    with app.database.read(visitor.actor) as tx:
        if incidents.listing(tx, limit=1):
            return ()
        own = _own(tx, visitor)
    return (*own, *_hindrances(app, visitor))[:MOST]


def _own(tx: Tx, visitor: Visitor) -> list[Step]:
    found, me = [], visitor.account.handle
    if plans.current_id(tx) == plans.revision_id(example_plan()):
        found.append(Step(EXAMPLE, "/plan", "What the example says"))
    if not signals.recent(tx, limit=1):
        found.append(Step("Nothing has sent a signal yet.", "/integrations", "Connect what watches your services"))
    has_way_in = visitor.account.has_password or me in door.with_passkey(tx) or visitor.app.settings.sso_issuer
    if not has_way_in:
        found.append(Step("You come in by a link alone.", "/me", "Set a password"))
    return found


def _hindrances(app: App, visitor: Visitor) -> list[Step]:
    """What keeps pages back. It is looked for as the engine does, apart from the page that a person reads."""
    with app.database.read(visitor.actor) as tx:
        found = readiness.hindrances(tx, has_mail=bool(app.settings.smtp_url), offers=app.offers)
    return [Step(one) for one in found]
