"""What can break: services of ours, their components, and the vendors on whom they depend."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.plan.fields import STRICT, Span, Text
from tocsin.plan.watching import Heartbeat, Journey, Log, Measure, Probe


@dataclass(frozen=True, kw_only=True)
class Component:
    """A part of a service that the status page names."""

    __pydantic_config__ = STRICT
    name: Text
    description: Text = ""
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """Somebody outside on whom a service depends."""

    __pydantic_config__ = STRICT
    name: Text
    description: Text = ""
    status_page: str | None = None
    look_every: Span | None = None  # nobody looks at the status page without it
    support: Text = ""
    probes: Mapping[str, Probe] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Service:
    __pydantic_config__ = STRICT
    name: Text
    description: Text = ""
    team: str | None = None
    rotation: str | None = None  # whoever is on call for it
    readers: tuple[str, ...] = ()  # people and teams who read its confidential incidents besides those who respond
    users: int | None = None  # on a usual day, for a first estimate
    depends_on: tuple[str, ...] = ()
    components: Mapping[str, Component] = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    logs: Mapping[str, Log] = field(default_factory=dict)
    journeys: Mapping[str, Journey] = field(default_factory=dict)
    heartbeats: Mapping[str, Heartbeat] = field(default_factory=dict)
