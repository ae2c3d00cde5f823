"""How the public status page looks, what it is called, and what stands under which heading."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tocsin.plan.fields import STRICT, Colour, Text

Language = Literal["en", "de", "fr", "es", "pt-BR"]


@dataclass(frozen=True, kw_only=True)
class Colours:
    """One colour in two shades, each readable on its own ground: links, the current step, what has the focus."""

    __pydantic_config__ = STRICT
    light: Colour = "#1858a8"
    dark: Colour = "#84b6f7"


@dataclass(frozen=True, kw_only=True)
class StatusPage:
    """The page's own look. What people post on it stays as they wrote it, in whatever language."""

    __pydantic_config__ = STRICT
    name: Text | None = None
    logo: Text | None = None
    colours: Colours = field(default_factory=Colours)
    home: str | None = None
    support: str | None = None
    language: Language = "en"
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # heading → services, service.component
