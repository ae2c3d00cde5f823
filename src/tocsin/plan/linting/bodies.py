"""What answers are held against, where that asks for nothing."""

from collections.abc import Iterator

from tocsin.plan import check_bodies
from tocsin.plan.bodies import BodySchema
from tocsin.plan.linting.findings import Check, Level, Remark, check
from tocsin.plan.model import Plan
from tocsin.plan.watching import Leg, Probe


@check(
    "schema-without-required",
    Level.WARNING,
    "A schema that an empty object fits, where nothing else asks for anything.",
    mend="Name under `required` what must be there.",
)
def schema_without_required(plan: Plan) -> Iterator[Remark]:
    for path, one in _asked(plan):
        schema = one.schema
        if schema and _stands_alone(one) and not any(check_bodies.problems("", schema)) and _fits_nothing(schema):
            yield Remark(f"{path}.schema", "an answer that is an empty object fits this")


def _asked(plan: Plan) -> Iterator[tuple[str, Probe | Leg]]:
    for key, service in plan.services.items():
        yield from ((f"services.{key}.probes.{name}", one) for name, one in service.probes.items())
        for name, journey in service.journeys.items():
            here = f"services.{key}.journeys.{name}.legs"
            yield from ((f"{here}.{number}", leg) for number, leg in enumerate(journey.legs, start=1))
    for key, vendor in plan.vendors.items():
        yield from ((f"vendors.{key}.probes.{name}", one) for name, one in vendor.probes.items())


def _stands_alone(one: Probe | Leg) -> bool:
    """Whether nothing but the schema asks for anything of the body. A health report has parts that it must have."""
    if isinstance(one, Leg):
        return one.says is None and not one.captures
    return one.expects is not None and one.expects.says is None and not one.expects.json


def _fits_nothing(schema: BodySchema) -> bool:
    return schema.validator.is_valid({})


CHECKS: tuple[Check, ...] = (schema_without_required,)
