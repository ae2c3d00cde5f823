"""The sentences that a change of a single value takes: what people will see, be asked or be told from now on.

A path stands for every path of its form: `*` is any one name. Where more has to be known than the value itself, `diff`
and its other parts have the sentence.
"""

from collections.abc import Mapping

from tocsin.kit.text import listed
from tocsin.plan.consequences import Kind, Pair, Said, gains_and_losses, order, shown, told_apart
from tocsin.plan.differences import ABSENT, Difference, Order
from tocsin.plan.telling_words import TELLING
from tocsin.plan.watching_words import OF_VENDORS, WATCHING
from tocsin.plan.wording import Wording, items, named, told

WORDINGS: Mapping[str, Wording] = {
    "tocsin": Wording(Kind.OTHER, "The file is written in the format {after} instead of {before}."),
    "name": Wording(Kind.WORDS, "What the plan protects is called {after} instead of {before}."),
    "version": Wording(Kind.WORDS, "This is version {after} of the plan, after {before}."),
    "purpose": told("Whoever opens the plan reads that it is for:"),
    "scope": items(Kind.WORDS, "What the plan is for"),
    "declare_when": items(Kind.WORDS, "What people ask themselves before they declare an incident"),
    "include": items(Kind.OTHER, "The files that the plan is read from"),
    "clauses.*": Wording(
        Kind.WORDS,
        "A duty to {1} is kept under the clause {after} instead of {before}.",
        "A duty to {1} is now kept under the clause {after}.",
        "A duty to {1} no longer names the clause that it keeps.",
    ),
    "links.*": Wording(
        Kind.OTHER,
        "Whoever follows the link {1} comes to {after} instead of {before}.",
        "There is now a link to {1}, which leads to {after}.",
        "Nobody is led to {1} any more; the link led to {before}.",
    ),
    "history.*": Wording(
        Kind.WORDS, new="The history of the plan has a line more.", gone="The history of the plan has a line less."
    ),
    "history.*.on": Wording(Kind.WORDS, "The history dates its line {1} to {after} instead of {before}."),
    "history.*.version": Wording(Kind.WORDS, "The history says of its line {1} that it is version {after}."),
    "history.*.changes": Wording(Kind.WORDS, "The history says of its line {1}: {after}."),
    # --- How bad it is
    "severities.*.name": named("{1}"),
    "severities.*.definition": told("Whoever chooses a severity reads of {1}:"),
    "severities.*.response": told("Whoever responds at {1} reads what is expected:"),
    "severities.*.requires": items(Kind.OBLIGATION, "What is asked of everybody at {1}"),
    "severities.*.examples": items(Kind.WORDS, "By what people recognise {1}"),
    "severities.*.slowdown": Wording(
        Kind.ROUTING,
        new="What is slower than usual by {after} is {1} now.",
        gone="What is slower than usual is no longer {1} by itself.",
        is_gone_large=True,
    ),
    **{
        f"severities.*.slowdown.{border}": Wording(
            Kind.ROUTING,
            f"At {{1}}, the slowdown is {word} {{after}} % instead of {{before}} %.",
            f"At {{1}}, the slowdown is now {word} {{after}} %.",
            f"At {{1}}, the slowdown need no longer be {word} {{before}} %.",
        )
        for border, word in (("above", "above"), ("at_least", "at least"), ("below", "below"), ("at_most", "at most"))
    },
    "severities.*.silent_after": Wording(
        Kind.ON_CALL,
        "At {1}, whoever acknowledged is paged again after {after} of silence instead of {before}.",
        "At {1}, whoever acknowledged is paged again after {after} of silence.",
        "At {1}, an acknowledgement holds: nobody is paged again for being silent.",
    ),
    "severities.*.snooze_most": Wording(
        Kind.ON_CALL,
        "At {1}, a responder may snooze an incident for {after} instead of {before}.",
        "At {1}, a responder may snooze an incident for {after}.",
        "At {1}, nobody may snooze an incident any more.",
    ),
    "severities.*.resolves_itself_after": Wording(
        Kind.OBLIGATION,
        "At {1}, an incident resolves itself once its signals have cleared for {after} instead of {before}.",
        "At {1}, an incident resolves itself once its signals have cleared for {after}.",
        "At {1}, an incident no longer resolves itself: its end is a person's word.",
    ),
    # --- Who
    "people.*.name": Wording(Kind.PEOPLE, "The person behind {1} is {after} instead of {before}."),
    "people.*.title": Wording(Kind.PEOPLE, "The title of {name} is {after} instead of {before}."),
    "teams.*.name": named("The team {1}"),
    "roles.*.name": named("The role {1}"),
    "roles.*.purpose": told("Whoever takes the role of {small} reads what it is for:"),
    "roles.*.duties": items(Kind.OBLIGATION, "What is asked of the {small}"),
    "rotations.*.name": named("The rotation {1}"),
    "rotations.*.starts_on": Wording(
        Kind.ON_CALL, "The turns of {1} are counted from {after} instead of {before}; another may be on call now."
    ),
    "rotations.*.handoff": Wording(
        Kind.ON_CALL, "Whoever is on call in {1} hands over at {after} instead of {before}."
    ),
    "rotations.*.zone": Wording(
        Kind.ON_CALL, "Whoever is on call in {1} hands over by the clock of {after} instead of {before}."
    ),
    "rotations.*.days": Wording(Kind.ON_CALL, "A turn of {1} lasts {after} days instead of {before}."),
    "rotations.*.duties": items(Kind.OBLIGATION, "What is asked of whoever is on call in {1}"),
    "rotations.*.handed_over": items(Kind.OBLIGATION, "What is handed over at the end of a turn of {1}"),
    "rotations.*.handing_over": Wording(
        Kind.OBLIGATION,
        new="Each handoff of {1} is now to be written and accepted in time.",
        gone="Nobody has to write and accept the handoffs of {1} any more.",
    ),
    "rotations.*.handing_over.opened_before": Wording(
        Kind.OBLIGATION, "A handoff of {1} is made ready {after} before the turn ends instead of {before}."
    ),
    "rotations.*.handing_over.written_before": Wording(
        Kind.OBLIGATION, "A handoff of {1} is to be written {after} before the turn ends instead of {before}."
    ),
    "rotations.*.handing_over.accepted_within": Wording(
        Kind.OBLIGATION, "A handoff of {1} is to be accepted within {after} instead of {before}."
    ),
    # --- What can break
    "services.*": Wording(
        Kind.WATCHING, new="The service {1} is new.", gone="The service {1} is gone.", is_gone_large=True
    ),
    "services.*.name": named("The service {1}"),
    "services.*.description": told("Whoever looks up the service {1} reads:"),
    "services.*.team": Wording(Kind.OTHER, "{name} is looked after by {after} instead of {before}."),
    "services.*.depends_on": items(Kind.OTHER, "Without what {name} does not work"),
    "services.*.components.*": Wording(
        Kind.OTHER,
        new="The status page names the component {3} of {name}, which is new.",
        gone="The status page no longer names the component {3} of {name}.",
    ),
    "services.*.components.*.name": Wording(
        Kind.WORDS, "The status page calls the component {3} of {name} {after} instead of {before}."
    ),
    "services.*.components.*.description": told("The status page says of the component {3} of {name}:"),
    "services.*.components.*.depends_on": items(Kind.OTHER, "Without what the component {3} of {name} does not work"),
    **WATCHING,
    **OF_VENDORS,
    "services.*.heartbeats.*": Wording(
        Kind.WATCHING,
        new="{name} has one more sign of life that is missed when it does not come: {3}.",
        gone="Nobody notices any more when {3} of {name} sends no sign of life.",
        is_gone_large=True,
    ),
    "services.*.heartbeats.*.every": Wording(
        Kind.WATCHING, "The sign of life {3} of {name} comes every {after} instead of every {before}."
    ),
    "services.*.heartbeats.*.grace": Wording(
        Kind.WATCHING, "The sign of life {3} of {name} may be {after} late instead of {before}."
    ),
    "services.*.heartbeats.*.runs_within": Wording(
        Kind.WATCHING,
        "A run of {3} of {name} is to end within {after} instead of {before}.",
        "A run of {3} of {name} is to end within {after}, and no longer within its grace.",
        "A run of {3} of {name} is to end within its grace, and no longer within {before}.",
    ),
    "vendors.*": Wording(
        Kind.OTHER,
        new="{name} is a vendor from now on, on whom services may depend.",
        gone="{name} is no vendor any more: nobody is led to its status page or its support.",
    ),
    "senders.*": Wording(
        Kind.OTHER,
        new="What the sender {1} sends is read as signals from now on.",
        gone="What the sender {1} sends can't be read any more, and is refused.",
        is_gone_large=True,
    ),
    "vendors.*.name": named("The vendor {1}"),
    "vendors.*.description": told("Whoever looks up {name} reads what the vendor does:"),
    "vendors.*.status_page": Wording(
        Kind.OTHER, "Whoever asks how {name} is doing is led to {after} instead of {before}."
    ),
    "vendors.*.look_every": Wording(
        Kind.WATCHING,
        "The status page of {name} is read every {after} instead of every {before}.",
        "The status page of {name} is read every {after}.",
        "Nobody reads the status page of {name} any more.",
    ),
    "services.*.users": Wording(
        Kind.WATCHING,
        "A first estimate of whom an incident of {name} touches begins with {after} users instead of {before}.",
        "A first estimate of whom an incident of {name} touches begins with {after} users.",
        "Without a word about its users, a first estimate says that whom an incident of {name} touches is not known.",
    ),
    "recovery.notice": Wording(
        Kind.OTHER,
        "Users are told how an incident ended in the words of {after} instead of {before}.",
        "Users are told how an incident ended, in the words of {after}.",
        "Users are not told any more how an incident ended, but for the last public update.",
    ),
    "paging.singly": Wording(
        Kind.OTHER, "Pages of {after} incidents a minute go to one place by themselves, instead of {before}."
    ),
    "paging.gather_within": Wording(
        Kind.OTHER,
        "Further pages to one place within {after} of the last come together as one, instead of within {before}.",
        "Further pages to one place within {after} of the last come together as one that says how many.",
        "Each page comes by itself, however many go to one place at once.",
    ),
    "paging.canary": Wording(
        Kind.PAGING,
        new="Everybody now gets test pages by each of their contact methods.",
        gone="Nobody gets test pages any more: a way of paging that is broken shows when it is needed.",
        is_gone_large=True,
    ),
    "paging.canary.starts_on": Wording(Kind.PAGING, "Test pages are counted from {after} instead of {before}."),
    "paging.canary.every": Wording(Kind.PAGING, "A test page comes every {after} instead of every {before}."),
    "paging.canary.at": Wording(Kind.PAGING, "Test pages come at {after} instead of {before}."),
    "paging.canary.answer_within": Wording(
        Kind.PAGING, "A test page is to be answered within {after} instead of {before}."
    ),
    "paging.reached_within": Wording(
        Kind.PAGING,
        "95 of 100 pages should reach somebody within {after} instead of {before}.",
        "95 of 100 pages should reach somebody within {after}.",
        "Nothing says any more how fast pages should reach somebody.",
    ),
    "reports": Wording(
        Kind.OTHER,
        new="What users say does not work now counts together.",
        gone="What users say does not work is looked at one by one; nothing counts it, and there is no form for it.",
    ),
    "reports.form": Wording(Kind.OTHER, "Whether everybody may report by the form at the status page: {after} now."),
    "reports.enough": Wording(
        Kind.OTHER, "Reports of {after} people are many, instead of {before}: rules may declare for them."
    ),
    "reports.within": Wording(Kind.OTHER, "Reports count together for {after} instead of {before}."),
    "flapping": Wording(
        Kind.PAGING,
        new="A signal that changes to and fro again and again now pages once, until it is calm.",
        gone="A signal that changes to and fro again and again is taken at its word each time: it may page each time.",
    ),
    "flapping.changes": Wording(Kind.PAGING, "A signal flaps after {after} changes instead of {before}."),
    "flapping.within": Wording(Kind.PAGING, "The changes of a signal count together for {after} instead of {before}."),
    "flapping.calm_for": Wording(
        Kind.PAGING, "A signal that flapped is calm when it has not changed for {after} instead of {before}."
    ),
    "status_page": Wording(
        Kind.OTHER,
        new="The public status page now has a look of its own.",
        gone="The public status page has no look of its own any more; its language is English.",
    ),
    "status_page.name": Wording(
        Kind.WORDS,
        "The status page is called {after} instead of {before}.",
        "The status page is called {after}.",
        "The status page is called as the plan is, and not {before} any more.",
    ),
    "status_page.logo": Wording(
        Kind.OTHER,
        "The status page shows another logo.",
        "The status page shows a logo.",
        "The status page shows no logo any more.",
    ),
    "status_page.colours.light": Wording(Kind.OTHER, "The light status page is {after} instead of {before}."),
    "status_page.colours.dark": Wording(Kind.OTHER, "The dark status page is {after} instead of {before}."),
    "status_page.home": Wording(
        Kind.OTHER,
        "The status page leads to {after} instead of {before}.",
        "The status page leads to {after}.",
        "The status page does not lead to {before} any more.",
    ),
    "status_page.support": Wording(
        Kind.OTHER,
        "Whoever needs help is led from the status page to {after} instead of {before}.",
        "Whoever needs help is led from the status page to {after}.",
        "Whoever needs help is not led from the status page to {before} any more.",
    ),
    "status_page.language": Wording(
        Kind.OTHER, "Whoever asks for no language reads the status page in {after} instead of {before}."
    ),
    "status_page.groups": Wording(Kind.OTHER),
    "status_page.groups.*": Wording(
        Kind.OTHER,
        "What stands under {2} on the status page",
        new="The status page has the heading {2}.",
        gone="The status page has the heading {2} no longer.",
    ),
    "vendors.*.support": Wording(Kind.OTHER, "Whoever needs help of {name} finds it at {after} instead of {before}."),
    # --- How the work proceeds
    "phases.*.name": named("The phase {1}"),
    "phases.*.triggers": items(Kind.OTHER, "By what trouble is noticed in the phase {name}"),
    "phases.*.tools": Wording(Kind.OTHER),
    "phases.*.tools.*": Wording(
        Kind.OTHER,
        new="{3} is offered to whoever works in the phase {name}.",
        gone="{3} is no longer offered to whoever works in the phase {name}.",
    ),
    "phases.*.tools.*.link": Wording(
        Kind.OTHER, "Whoever opens {3} in the phase {name} comes to {after} instead of {before}."
    ),
    "types.*": Wording(
        Kind.OTHER,
        new="An incident can now be declared as {name} ({1}).",
        gone="No incident can be declared as {name} ({1}) any more.",
    ),
    "types.*.name": named("The type {1}"),
    "types.*.symptoms": items(Kind.WORDS, "By what people recognise {name}"),
    "types.*.runbook": Wording(Kind.OTHER, "Whoever meets {name} is led to the runbook {after} instead of {before}."),
    # --- Who is told, and in which words
    "communication.channels.chat.name": Wording(
        Kind.OTHER, "The chat channel of an incident is called {after} instead of {before}."
    ),
    "communication.channels.chat.audiences": items(Kind.OTHER, "Whose updates are posted in the channel"),
    "communication.channels.chat.habits": items(Kind.WORDS, "What is asked of whoever writes in the channel"),
    "communication.channels.call.link": Wording(
        Kind.OTHER, "Whoever joins the call of an incident comes to {after} instead of {before}."
    ),
    "communication.channels.status_page": Wording(
        Kind.OTHER, "The public reads the status page at {after} instead of {before}; nothing stands for Tocsin's own."
    ),
    "communication.subscribe_by": items(Kind.OTHER, "By which ways the public may subscribe to the status page"),
    "communication.audiences.*.name": named("The audience {2}"),
    "communication.audiences.*.clause": Wording(
        Kind.WORDS, "Updates to {name} are kept under the clause {after} instead of {before}."
    ),
    "communication.audiences.*.chats": items(Kind.OTHER, "In which chats the updates for {name} are posted"),
    "communication.audiences.*.guidance": items(Kind.WORDS, "What is asked of whoever writes to {name}"),
    "communication.audiences.*.template": Wording(
        Kind.TEMPLATE, "An update to {name} begins with the template {after} instead of {before}."
    ),
    **TELLING,
    "communication.stages.*": Wording(
        Kind.TEMPLATE,
        "At the stage {2} the public is told in the words of {after} instead of {before}.",
        "At the stage {2} the public is told in the words of {after}.",
        "Nobody has words for the public at the stage {2} any more.",
        is_gone_large=True,
    ),
    # --- The end, and what comes after
    "resolution.strategies.*": Wording(
        Kind.OTHER,
        new="Whoever ends the trouble can choose {2} as a way out.",
        gone="Whoever ends the trouble can no longer choose {2} as a way out.",
    ),
    "resolution.strategies.*.name": named("The way out {2}"),
    "resolution.strategies.*.description": told("Whoever chooses a way out reads of {2}:"),
    "resolution.verification.*": Wording(
        Kind.OBLIGATION,
        "Resolving asks for the check {2} in other words: {after}.",
        "From now on resolving asks for one more check: {after}.",
        "Resolving no longer asks for the check: {before}.",
        is_gone_large=True,
    ),
    "recovery.confirm.*": Wording(
        Kind.OBLIGATION,
        "What people confirm as {2} after the watch is: {after}, instead of {before}.",
        "From now on people confirm after the watch as well: {after}.",
        "Nobody has to confirm any more after the watch: {before}.",
        is_gone_large=True,
    ),
    "review.minutes": Wording(Kind.OBLIGATION, "The post-mortem takes {after} minutes instead of {before}."),
    "review.agenda.*": Wording(
        Kind.WORDS, new="The post-mortem has a topic more.", gone="The post-mortem has a topic less."
    ),
    "review.agenda.*.topic": Wording(Kind.WORDS, "Topic {2} of the post-mortem is {after} instead of {before}."),
    "review.agenda.*.minutes": Wording(
        Kind.WORDS, "Topic {2} of the post-mortem has {after} minutes instead of {before}."
    ),
    "review.sections.*.title": Wording(
        Kind.WORDS, "The section {2} of the post-mortem is headed {after} instead of {before}."
    ),
    "review.sections.*.part": Wording(
        Kind.WORDS, "The section {2} of the post-mortem stands under {after} instead of {before}."
    ),
    "review.sections.*.prompt": told("Whoever writes the section {2} of the post-mortem is asked:"),
    "review.sections.*.facts": Wording(
        Kind.WORDS, "The record fills {after} into the section {2} of the post-mortem instead of {before}."
    ),
    "review.horizons.*.name": named("The horizon {2} of action items"),
    "review.horizons.*.examples": items(Kind.WORDS, "What belongs to the horizon {2} of action items"),
    "metrics.*": Wording(
        Kind.OTHER, new="{name} is counted from now on.", gone="{name} is not counted any more.", is_gone_large=True
    ),
    "metrics.*.name": named("The figure {1}"),
    "metrics.*.short": Wording(Kind.WORDS, "{name} is {after} for short instead of {before}."),
    "metrics.*.meaning": told("Whoever reads the figure {name} is told what it means:"),
    "metrics.*.since": Wording(Kind.OTHER, "{name} is counted from the moment {after} instead of {before}."),
    "metrics.*.until": Wording(Kind.OTHER, "{name} is counted until the moment {after} instead of {before}."),
    "metrics.*.count_by": Wording(Kind.OTHER, "{name} counts incidents by {after} instead of by {before}."),
}

_FORMS: Mapping[str, list[tuple[tuple[str, ...], Wording]]] = {
    section: [(tuple(form.split(".")), one) for form, one in WORDINGS.items() if form.split(".")[0] == section]
    for section in {form.split(".")[0] for form in WORDINGS}
}
_NAMED = {"communication": 2}  # which name of the path is called something; elsewhere the second


def worded(pair: Pair, one: Difference) -> Said | None:
    """The sentence for a difference, if its path has one."""
    forms = _FORMS.get(one.path[0], [])
    wording = next((it for form, it in forms if _fits(form, one.path)), None)
    return _said(pair, wording, one) if wording else None


def _fits(form: tuple[str, ...], path: tuple[str, ...]) -> bool:
    return len(form) == len(path) and all(part in ("*", name) for part, name in zip(form, path, strict=True))


def _said(pair: Pair, wording: Wording, one: Difference) -> Said | None:
    if isinstance(one.before, Order):
        return order(one, wording.kind, f"{'.'.join(one.path)} stands in another order")
    # What may be left out comes or goes as well: then it is None on one side.
    if one.after is ABSENT or (one.after is None and wording.gone):
        return Said(wording.kind, _filled(pair, wording.gone, one), wording.is_gone_large) if wording.gone else None
    if one.before is ABSENT or (one.before is None and wording.new):
        return Said(wording.kind, _filled(pair, wording.new, one)) if wording.new else None
    if isinstance(one.before, tuple) or isinstance(one.after, tuple):
        subject = _filled(pair, wording.changed, one)
        return gains_and_losses(wording.kind, subject, _items(one.before), _items(one.after))
    return Said(wording.kind, _filled(pair, wording.changed, one))


def _filled(pair: Pair, sentence: str, one: Difference) -> str:
    at = _NAMED.get(one.path[0], 1)
    key = one.path[at] if at < len(one.path) else ""
    needs_name = "{name}" in sentence or "{small}" in sentence
    name = pair.called("audiences" if at == 2 else one.path[0], key) if needs_name else ""
    before, after = told_apart(one.before, one.after)
    return sentence.format(*one.path, name=name, small=name.lower(), before=before, after=after)


def _items(value: object) -> tuple[str, ...]:
    return tuple(map(shown, value)) if isinstance(value, tuple) else ()


def at_levels(severities: object) -> str:
    """At which severities something holds: none means all of them."""
    return listed(map(str, severities)) if isinstance(severities, tuple) and severities else "every severity"
