"""The sentences that a change takes in what is looked at: probes, measures, logs, and the ways of users."""

from collections.abc import Mapping

from tocsin.plan.consequences import Kind
from tocsin.plan.wording import Wording, items

_PROBE = "services.*.probes.*"
_LOOK = "The look {3} at {name}"
_MEASURE = "services.*.measures.*"
_READ = "The measure {3} of {name}"

_LOG = "services.*.logs.*"
_SOUGHT = "What {5} looks for in the log {3} of {name}"

_JOURNEY = "services.*.journeys.*"
_WAY = "The way {3} of users of {name}"


def _usual(path: str, subject: str) -> dict[str, Wording]:
    """How the changes are told of what is usual for a probe or a measure."""
    return {
        f"{path}.usual": Wording(
            Kind.WATCHING,
            f"{subject} is held against something else that is usual.",
            f"{subject} is now held against what is usual.",
            f"{subject} is no longer held against what is usual.",
        ),
        f"{path}.usual.over": Wording(Kind.WATCHING, f"{subject}: usual is the median of {{after}}, not {{before}}."),
        f"{path}.usual.least": Wording(
            Kind.WATCHING, f"{subject}: something is usual after {{after}} readings instead of {{before}}."
        ),
        f"{path}.usual.within": Wording(
            Kind.WATCHING, f"{subject} holds the median of {{after}} against it, until now that of {{before}}."
        ),
        f"{path}.usual.ignore": Wording(
            Kind.WATCHING,
            f"{subject} makes nothing of a difference below {{after}}, until now below {{before}}.",
            f"{subject} makes nothing of a difference below {{after}}.",
            f"{subject} takes any difference for one.",
        ),
    }


def _schema(subject: str) -> Wording:
    """How it is told that the JSON of an answer is held against something else."""
    return Wording(
        Kind.WATCHING,
        f"{subject} holds the JSON against a schema that says otherwise of {{after}}.",
        f"{subject} holds the JSON against a schema now.",
        f"{subject} holds the JSON against no schema any more.",
    )


WATCHING: Mapping[str, Wording] = {
    _PROBE: Wording(
        Kind.WATCHING,
        new="{name} is looked at in one more place: {3}.",
        gone="Nobody looks at {name} by {3} any more.",
        is_gone_large=True,
    ),
    f"{_PROBE}.url": Wording(Kind.WATCHING, f"{_LOOK} goes to {{after}} instead of {{before}}."),
    f"{_PROBE}.paths": items(Kind.WATCHING, f"{_LOOK} tries the paths"),
    f"{_PROBE}.timeout": Wording(
        Kind.WATCHING, f"{_LOOK} waits {{after}} for an answer instead of {{before}}, and then counts it as none."
    ),
    f"{_PROBE}.slow_after": Wording(
        Kind.WATCHING, f"{_LOOK} calls an answer slow after {{after}}, until now {{before}}."
    ),
    f"{_PROBE}.recoveries": Wording(
        Kind.WATCHING, "{name} counts as well again after {after} good looks in a row instead of {before}."
    ),
    f"{_PROBE}.out_of": Wording(
        Kind.WATCHING,
        "{name} counts as broken by its bad looks among the last {after} instead of {before}.",
        "{name} counts as broken by its bad looks among the last {after}, and not only by those in a row.",
        "{name} counts as broken by bad looks in a row alone.",
    ),
    f"{_PROBE}.certificate_days": Wording(
        Kind.WATCHING,
        f"{_LOOK} calls a certificate trouble {{after}} days before its end instead of {{before}}.",
        f"{_LOOK} calls a certificate trouble {{after}} days before its end.",
        f"{_LOOK} does not say any more that a certificate will end.",
    ),
    f"{_PROBE}.control": Wording(
        Kind.WATCHING,
        f"{_LOOK} is checked against {{after}} instead of {{before}} when nothing is heard.",
        f"{_LOOK} is checked against {{after}} when nothing is heard: if that is silent too, our network is to blame.",
        f"{_LOOK} is not checked against another address any more: trouble of our own network looks like an outage.",
    ),
    f"{_PROBE}.expects": Wording(
        Kind.WATCHING,
        new=f"{_LOOK} reads no health report any more, but any answer that is as expected.",
        gone=f"{_LOOK} reads a health report instead of any answer that is as expected.",
    ),
    f"{_PROBE}.expects.status": items(Kind.WATCHING, f"{_LOOK} takes for good the statuses"),
    f"{_PROBE}.expects.headers.*": Wording(
        Kind.WATCHING,
        f"{_LOOK} takes for good in the header {{6}}",
        f"{_LOOK} wants the header {{6}} to be {{after}}.",
        f"{_LOOK} no longer asks for the header {{6}}.",
    ),
    f"{_PROBE}.expects.says": Wording(
        Kind.WATCHING,
        f"{_LOOK} wants {{after}} in the body instead of {{before}}.",
        f"{_LOOK} wants {{after}} in the body.",
        f"{_LOOK} no longer wants {{before}} in the body.",
    ),
    f"{_PROBE}.expects.json.*": Wording(
        Kind.WATCHING,
        f"{_LOOK} takes for good under {{6}}",
        f"{_LOOK} wants {{6}} to be {{after}}.",
        f"{_LOOK} no longer asks for {{6}}.",
    ),
    f"{_PROBE}.schema": _schema(_LOOK),
    f"{_PROBE}.token": Wording(
        Kind.WATCHING,
        f"{_LOOK} asks with the token {{after}} instead of {{before}}.",
        f"{_LOOK} asks with the token {{after}}, and says when it is refused.",
        f"{_LOOK} asks without a token, and no longer says whether it is taken.",
    ),
    f"{_PROBE}.token_header": Wording(
        Kind.WATCHING,
        f"{_LOOK} sends its token in the header {{after}} instead of {{before}}.",
        f"{_LOOK} sends its token in the header {{after}}.",
        f"{_LOOK} sends its token as a bearer token.",
    ),
    f"{_PROBE}.status_field": Wording(
        Kind.WATCHING, f"{_LOOK} reads the health in the field {{after}}, not {{before}}."
    ),
    f"{_PROBE}.healthy_values": items(Kind.WATCHING, f"{_LOOK} takes for healthy"),
    f"{_PROBE}.components_field": Wording(
        Kind.WATCHING, f"{_LOOK} reads the state of each component in the field {{after}}, not {{before}}."
    ),
    f"{_PROBE}.good_values": items(Kind.WATCHING, f"{_LOOK} takes a component for sound that says"),
    **_usual(_PROBE, _LOOK),
    _MEASURE: Wording(
        Kind.WATCHING,
        new="{name} is measured in one more way: {3}.",
        gone="Nobody measures {3} of {name} any more.",
        is_gone_large=True,
    ),
    f"{_MEASURE}.url": Wording(Kind.WATCHING, f"{_READ} is read at {{after}} instead of {{before}}."),
    f"{_MEASURE}.reads": Wording(Kind.WATCHING, f"{_READ} is read as {{after}} instead of {{before}}."),
    f"{_MEASURE}.errors": items(Kind.WATCHING, f"{_READ} counts as failed"),
    f"{_MEASURE}.total": items(Kind.WATCHING, f"{_READ} counts as everything"),
    **{
        f"{_MEASURE}.{key}": Wording(
            Kind.WATCHING,
            f"{_READ} takes {what} from {{after}} instead of {{before}}.",
            f"{_READ} takes {what} from {{after}}.",
            f"{_READ} no longer takes {what} from {{before}}.",
        )
        for key, what in (
            ("error_rate", "the error rate"),
            ("number", "the number"),
            ("sum", "the sum"),
            ("average", "the average"),
            ("count", "the count"),
        )
    },
    f"{_MEASURE}.unit": Wording(Kind.WORDS, f"{_READ} is said to be in {{after}} instead of {{before}}."),
    f"{_MEASURE}.above": Wording(
        Kind.WATCHING,
        f"{_READ} is trouble above {{after}} instead of {{before}}.",
        f"{_READ} is trouble above {{after}}.",
        f"{_READ} is no longer trouble above {{before}}.",
    ),
    **_usual(_MEASURE, _READ),
    f"{_MEASURE}.window": Wording(
        Kind.WATCHING, f"{_READ} goes by what was counted in {{after}} instead of {{before}}."
    ),
    f"{_MEASURE}.least": Wording(Kind.WATCHING, f"{_READ} says nothing of fewer than {{after}}, until now {{before}}."),
    f"{_MEASURE}.workers": Wording(
        Kind.WATCHING, f"{_READ} is counted by {{after}} workers behind the address instead of {{before}}."
    ),
    f"{_MEASURE}.every": Wording(Kind.WATCHING, f"{_READ} is read every {{after}} instead of every {{before}}."),
    f"{_MEASURE}.timeout": Wording(Kind.WATCHING, f"{_READ} is waited for {{after}} instead of {{before}}."),
    f"{_MEASURE}.failures": Wording(
        Kind.WATCHING, f"{_READ} is trouble after {{after}} readings in a row instead of {{before}}."
    ),
    f"{_MEASURE}.recoveries": Wording(
        Kind.WATCHING, f"{_READ} is well again after {{after}} readings in a row instead of {{before}}."
    ),
    _LOG: Wording(
        Kind.WATCHING,
        new="What {name} writes is looked through in one more place: {3}.",
        gone="Nobody looks through what {name} writes into {3} any more.",
        is_gone_large=True,
    ),
    f"{_LOG}.url": Wording(
        Kind.WATCHING,
        "The log {3} of {name} is read at {after} instead of {before}.",
        "The log {3} of {name} is read at {after}.",
        "The log {3} of {name} is no longer read at {before}.",
    ),
    f"{_LOG}.sender": Wording(
        Kind.WATCHING,
        "The log {3} of {name} is sent to us by {after} instead of {before}.",
        "The log {3} of {name} is sent to us by {after}.",
        "The log {3} of {name} is no longer sent to us by {before}.",
    ),
    f"{_LOG}.railway": Wording(
        Kind.WATCHING,
        new="The log {3} of {name} is read at Railway.",
        gone="The log {3} of {name} is no longer read at Railway.",
    ),
    f"{_LOG}.railway.environment": Wording(
        Kind.WATCHING, "The log {3} of {name} is that of the environment {after} at Railway instead of {before}."
    ),
    f"{_LOG}.railway.token": Wording(
        Kind.WATCHING, "The log {3} of {name} is read at Railway with the token {after} instead of {before}."
    ),
    f"{_LOG}.railway.filter": Wording(
        Kind.WATCHING,
        "Of the log {3} of {name}, what fits {after} is read instead of {before}.",
        "Of the log {3} of {name}, only what fits {after} is read.",
        "The whole log {3} of {name} is read, and no longer what fits {before} alone.",
    ),
    f"{_LOG}.every": Wording(Kind.WATCHING, "The log {3} of {name} is read every {after} instead of every {before}."),
    f"{_LOG}.timeout": Wording(Kind.WATCHING, "The log {3} of {name} is waited for {after} instead of {before}."),
    f"{_LOG}.patterns.*": Wording(
        Kind.WATCHING,
        new="In the log {3} of {name}, {5} is looked for.",
        gone="In the log {3} of {name}, nobody looks for {5} any more.",
        is_gone_large=True,
    ),
    f"{_LOG}.patterns.*.match": Wording(Kind.WATCHING, f"{_SOUGHT} is known by {{after}} instead of {{before}}."),
    f"{_LOG}.patterns.*.until": Wording(
        Kind.WATCHING,
        f"{_SOUGHT} is over at {{after}} instead of {{before}}.",
        f"{_SOUGHT} is over at {{after}}.",
        f"{_SOUGHT} is no longer over at {{before}}.",
    ),
    f"{_LOG}.patterns.*.least": Wording(
        Kind.WATCHING, f"{_SOUGHT} is trouble when it comes {{after}} times instead of {{before}}."
    ),
    f"{_LOG}.patterns.*.within": Wording(Kind.WATCHING, f"{_SOUGHT} counts for {{after}} instead of {{before}}."),
    f"{_LOG}.patterns.*.title": Wording(
        Kind.WORDS,
        f"{_SOUGHT} is called {{after}} instead of {{before}}.",
        f"{_SOUGHT} is called {{after}}.",
        f"{_SOUGHT} is no longer called {{before}}.",
    ),
    f"{_LOG}.patterns.*.labels.*": Wording(
        Kind.ROUTING,
        f"{_SOUGHT} has the label {{7}} {{after}} instead of {{before}}.",
        f"{_SOUGHT} has the label {{7}} {{after}}.",
        f"{_SOUGHT} no longer has the label {{7}} {{before}}.",
    ),
    _JOURNEY: Wording(
        Kind.WATCHING,
        new="The way {3} of users of {name} is walked.",
        gone="Nobody walks the way {3} of users of {name} any more.",
        is_gone_large=True,
    ),
    f"{_JOURNEY}.url": Wording(Kind.WATCHING, f"{_WAY} is walked at {{after}} instead of {{before}}."),
    f"{_JOURNEY}.legs": Wording(Kind.WATCHING, f"{_WAY} has other steps."),
    f"{_JOURNEY}.legs.*": Wording(
        Kind.WATCHING,
        f"{_WAY} goes otherwise at step {{5}}.",
        f"{_WAY} has a step {{5}}.",
        f"{_WAY} has no step {{5}} any more.",
    ),
    **{
        f"{_JOURNEY}.legs.*.{below}": Wording(
            Kind.WATCHING,
            f"{_WAY} has {{after}} as {what} of step {{5}} instead of {{before}}.",
            f"{_WAY} has {{after}} as {what} of step {{5}}.",
            f"{_WAY} no longer has {{before}} as {what} of step {{5}}.",
        )
        for below, what in (
            ("name", "the name"),
            ("method", "the method"),
            ("path", "the path"),
            ("says", "the word"),
            ("form.*", "the field {7}"),
            ("captures.*", "the keys to {7}"),
            ("files.*.name", "the name of the file {7}"),
            ("files.*.type", "the kind of the file {7}"),
            ("files.*.base64", "the file {7}"),
        )
    },
    f"{_JOURNEY}.legs.*.schema": _schema(f"{_WAY}, at step {{5}},"),
    f"{_JOURNEY}.legs.*.expect": items(Kind.WATCHING, f"{_WAY} takes for good at step {{5}}"),
    f"{_JOURNEY}.legs.*.files.*": Wording(
        Kind.WATCHING, new=f"{_WAY} sends {{7}} too.", gone=f"{_WAY} sends {{7}} no more."
    ),
    f"{_JOURNEY}.every": Wording(Kind.WATCHING, f"{_WAY} is walked every {{after}} instead of every {{before}}."),
    f"{_JOURNEY}.per_day": Wording(
        Kind.WATCHING, f"{_WAY} is walked {{after}} times a day at most instead of {{before}}."
    ),
    f"{_JOURNEY}.timeout": Wording(Kind.WATCHING, f"{_WAY} waits {{after}} for an answer instead of {{before}}."),
    f"{_JOURNEY}.slow_after": Wording(
        Kind.WATCHING,
        f"{_WAY} is slow after {{after}} instead of {{before}}.",
        f"{_WAY} is slow after {{after}}.",
        f"{_WAY} is never slow.",
    ),
    f"{_JOURNEY}.failures": Wording(
        Kind.WATCHING, f"{_WAY} is trouble after {{after}} walks in a row instead of {{before}}."
    ),
    f"{_JOURNEY}.recoveries": Wording(
        Kind.WATCHING, f"{_WAY} is well again after {{after}} walks in a row instead of {{before}}."
    ),
}

OF_VENDORS: Mapping[str, Wording] = {
    **{path.replace("services.", "vendors.", 1): one for path, one in WATCHING.items() if path.startswith(_PROBE)},
    "vendors.*.probes.*.every": Wording(
        Kind.WATCHING, f"{_LOOK} is taken every {{after}} instead of every {{before}}."
    ),
    "vendors.*.probes.*.failures": Wording(
        Kind.WATCHING, f"{_LOOK} counts as trouble after {{after}} bad looks in a row instead of {{before}}."
    ),
}
