"""What the keys mean that say what is watched besides health reports: numbers, logs, journeys and signs of life."""

from collections.abc import Mapping

WATCHING: Mapping[str, str] = {
    "Expects": "What a good answer looks like, under `expects` of a probe whose address gives no health report.",
    "Expects.status": "The statuses that are good.",
    "Expects.headers": (
        "For a header, the words of which its value must be one, in any case; `*` is any value, and `/…/` a regular "
        "expression found anywhere."
    ),
    "Expects.says": "A regular expression that is found anywhere in the body.",
    "Expects.json": (
        "For the place of a value in the body's JSON, such as `checks.0.state`, the words of which it must be one, as "
        "for a header. A value that is another is a component that is not well."
    ),
    "Measure": "Numbers that Tocsin reads again and again, under `services.….measures`.",
    "Measure.url": "Where they stand, http:// or https://; for `promql` the address of the Prometheus. No password.",
    "Measure.reads": (
        "How they are written: the text that Prometheus reads, a JSON document, or answers of a Prometheus to queries."
    ),
    "Measure.errors": (
        'Counters of what failed. A number is named by a metric such as `http_requests_total{code=~"5.."}`, of which '
        "all that fit are added up, or by the keys to it in the JSON with dots between. A counter that is not there "
        "is 0."
    ),
    "Measure.total": "Counters of everything, what failed included.",
    "Measure.error_rate": "Instead, a number that is an error rate in per cent; with `promql`, a query that gives it.",
    "Measure.number": "Instead, any number; with `promql`, a query that gives it.",
    "Measure.sum": "Instead, a sum that grows with `count`: what is held against `above` and `usual` is their mean.",
    "Measure.average": "In place of `sum`, where only the average since the start is given.",
    "Measure.count": "How many went into `sum` or `average`.",
    "Measure.unit": "In what it is measured, such as ms.",
    "Measure.above": "A larger number is trouble.",
    "Measure.usual": "What is usual is learned, and a number above it by a severity's `slowdown` is trouble.",
    "Measure.window": "How far back what was counted decides.",
    "Measure.least": "With fewer counted in a window nothing is said, unless nothing failed at all.",
    "Measure.workers": (
        "How many processes behind the address count for themselves, so that each reading may be of another one."
    ),
    "Measure.every": "How often they are read.",
    "Measure.timeout": "How long to wait for them.",
    "Measure.failures": "How many readings in a row make it trouble.",
    "Measure.recoveries": "How many good readings in a row end it.",
    "Usual": "What is usual, under `usual` of a probe or a measure.",
    "Usual.over": (
        "It is the median of so long, at most four weeks, without what was measured while an incident of the service "
        "was open."
    ),
    "Usual.least": "How many readings it takes before anything is usual.",
    "Usual.within": "The median of so long is held against it.",
    "Usual.ignore": "A smaller difference is nothing, however many per cent it is. For a probe, in seconds.",
    "Log": "What a service writes, under `services.….logs`.",
    "Log.url": (
        "Where it is read: an address at http:// or https://, of which each look asks for what was added, or a file at "
        "file:///, in the folder of the setting `TOCSIN_LOG_FOLDER`."
    ),
    "Log.sender": "Instead, the name under which the service sends it by OpenTelemetry: its `service.name`.",
    "Log.railway": "Instead, the environment at Railway where the service runs.",
    "Log.every": "How often it is read, and how often what came of it is looked through for what is over.",
    "Log.timeout": "How long to wait for it.",
    "Log.patterns": "What in it is trouble.",
    "RailwayLog": "The log of an environment at Railway, under `railway` of a log.",
    "RailwayLog.environment": "The id of the environment at Railway.",
    "RailwayLog.token": "Which token of the setting `TOCSIN_RAILWAY_TOKENS` it is read with, by its name there.",
    "RailwayLog.filter": "What of it is read, as Railway's own page of logs takes it, such as `@service:ID`.",
    "Pattern": "Lines that mean trouble, under `patterns` of a log.",
    "Pattern.match": (
        "A regular expression that is found anywhere in a record, with its case. What it captures by a name, as in "
        "`(?P<breaker>\\w+)`, becomes a label, and for each such value there is a signal of its own, 20 at most."
    ),
    "Pattern.until": "Another that ends it; where it captures the same name, it ends what has the same value.",
    "Pattern.least": "How many of them make it trouble.",
    "Pattern.within": "They come within so long; without another for so long it is over.",
    "Pattern.title": "What it is called. Without it, by the service and the pattern's name.",
    "Pattern.labels": "Labels of the signal, for rules to ask for.",
    "Journey": "The way of a user, walked by Tocsin, under `services.….journeys`.",
    "Journey.url": "Where it is walked, http:// or https://. It holds no password.",
    "Journey.legs": "The requests, one after the other. The first bad answer ends the walk.",
    "Journey.every": "How often it is walked.",
    "Journey.per_day": "How often a day at most, whatever happens: some calls cost money.",
    "Journey.timeout": "How long to wait for each answer.",
    "Journey.slow_after": "A walk that takes longer in all is slow.",
    "Journey.failures": (
        "How many walks in a row make it trouble. A walk that goes wrong is walked once more at once, and only the "
        "second counts."
    ),
    "Journey.recoveries": "How many good walks in a row end it.",
    "Leg": "One request of a journey.",
    "Leg.name": "What it is called; the label `step` of what goes wrong there.",
    "Leg.method": "How it is asked.",
    "Leg.path": "What is asked for. `{name}` stands for what an earlier step captured.",
    "Leg.form": "The fields of a form that is sent; `{name}` stands for what was captured.",
    "Leg.files": "Files that are sent with it.",
    "Leg.expect": "The statuses that are good.",
    "Leg.says": "A regular expression that the answer must hold.",
    "Leg.schema": "What the answer's JSON must fit, in JSON Schema, as for a probe.",
    "Leg.captures": (
        "By a name, the keys to a value of the answer's JSON, with dots between. It is passed on, and never told."
    ),
    "Upload": "A file that is sent, under `files`.",
    "Upload.name": "What it is called.",
    "Upload.type": "Of which kind it is, such as `audio/wav`.",
    "Upload.base64": "What it holds, in base64; at most 256 KB.",
    "Heartbeat": "A sign of life that something of yours sends, under `services.….heartbeats`.",
    "Heartbeat.every": "How often it comes, at least 1 min.",
    "Heartbeat.grace": "How late it may be before it is missed; also how long a run may take that said when it began.",
    "Heartbeat.runs_within": "How long such a run may take, instead of `grace`.",
}
