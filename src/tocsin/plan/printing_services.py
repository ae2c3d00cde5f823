"""The services, the vendors and what their signals mean, in the printed plan."""

from collections.abc import Iterable

from tocsin.kit.text import listed, span
from tocsin.plan import printing_rotas as rotas
from tocsin.plan import printing_watching as watching
from tocsin.plan.markdown import Blocks, address, bullets, code, code_in_a_cell, heading, plain, statement, table
from tocsin.plan.model import Plan, Rule
from tocsin.plan.services import Service
from tocsin.plan.who import all_whom, key_and_name


def services(plan: Plan) -> Blocks:
    if plan.services:
        yield "## Services"
    for key, service in plan.services.items():
        yield from _service(plan, key, service)


def _service(plan: Plan, key: str, service: Service) -> Blocks:
    path = f"services.{key}"
    yield heading(3, plain(service.name), path)
    yield from bullets([statement(plain(service.description), f"{path}.description")] if service.description else [])
    yield from bullets(
        [
            *([statement(f"Used by {service.users} people on a usual day.", f"{path}.users")] if service.users else []),
            *(
                [statement(f"Depends on {_needs(service.depends_on)}.", f"{path}.depends_on")]
                if service.depends_on
                else []
            ),
        ]
    )
    yield from bullets(rotas.served_by(plan, path, service.rotation, service.team))
    who = f"Its confidential incidents are also read by {all_whom(plan, service.readers)}."
    yield from bullets([statement(who, f"{path}.readers")] if service.readers else [])
    yield from table(
        ("Component", "What it does", "Depends on", "Id"),
        (
            (plain(one.name), plain(one.description), _needs(one.depends_on), code(f"{path}.components.{name}"))
            for name, one in service.components.items()
        ),
    )
    yield from watching.watched(path, service)


def _needs(names: Iterable[str]) -> str:
    return listed(code(name) for name in names)


def vendors(plan: Plan) -> Blocks:
    if plan.vendors:
        yield "## Vendors"
    for key, vendor in plan.vendors.items():
        path = f"vendors.{key}"
        yield heading(3, key_and_name(key, vendor.name), path)
        yield from bullets(
            [
                *([statement(plain(vendor.description), f"{path}.description")] if vendor.description else []),
                *(
                    [statement(f"Status: {address(vendor.status_page)}", f"{path}.status_page")]
                    if vendor.status_page
                    else []
                ),
                *(
                    [statement(f"Looked at every {span(vendor.look_every)}.", f"{path}.look_every")]
                    if vendor.look_every
                    else []
                ),
                *([statement(f"Support: {plain(vendor.support)}", f"{path}.support")] if vendor.support else []),
            ]
        )
        yield from watching.probes(path, vendor.probes)


def rules(plan: Plan) -> Blocks:
    if plan.rules:
        yield "## What signals mean"
        yield "The first rule whose conditions all hold decides. A signal that fits none waits for a person."
    numbers = {id(rule): number for number, rule in enumerate(plan.rules, start=1)}
    yield from table(
        ("Precedence", "Rule", "When", "Severity", "Type", "Service", "Components", "Title", "Id"),
        (_rule(numbers[id(rule)], rule) for rule in plan.ranked_rules()),
    )


def _rule(number: int, rule: Rule) -> tuple[str, ...]:
    return (
        "as it stands" if rule.precedence is None else str(rule.precedence),
        plain(rule.name),
        _conditions(rule) or "always",
        plain(rule.severity) if rule.severity else _measured(rule),
        plain(rule.type),
        plain(rule.service) if rule.service else "the one that the signal names",
        ", ".join(plain(one) for one in rule.components),
        plain(rule.title) if rule.title else "that of the signal",
        code(f"rules.{number}"),
    )


def _measured(rule: Rule) -> str:
    what = "error rate" if rule.band_of else "slowdown"
    return f"by the {what} in {code_in_a_cell(rule.measured or '')}"


def _conditions(rule: Rule) -> str:
    return listed(
        f"{code_in_a_cell(name)} is {listed((code_in_a_cell(word) for word in _alternatives(wanted)), 'or')}"
        for name, wanted in rule.when.items()
    )


def _alternatives(wanted: tuple[str, ...] | str) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted
