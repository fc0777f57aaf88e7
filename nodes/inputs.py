"""Values typed in by hand, to feed several nodes at once."""

from __future__ import annotations

from typing import Annotated, Any

from ..graph.node import node
from ..graph.widgets import Colour, Lines, Seed
from ..plugins import hookimpl


@node(lane="inline")
def text(value: Annotated[str, Lines(4)] = "") -> str:
    """Text.

    Some text.
    """
    return value


@node(lane="inline")
def number(value: float = 0.0) -> float:
    """Number.

    A number, with a fraction if need be.
    """
    return value


@node(lane="inline")
def integer(value: int = 0) -> int:
    """Whole number.

    A whole number.
    """
    return value


@node(lane="inline")
def seed(value: Annotated[int, Seed()] = 0) -> int:
    """Seed.

    Where random numbers start: the same seed gives the same picture.
    """
    return value


@node(lane="inline")
def switch(value: bool = True) -> bool:
    """On or off.

    A switch, for logic.switch.
    """
    return value


@node(lane="inline")
def choice(options: Annotated[str, Lines(4)] = "first\nsecond", index: int = 0) -> str:
    """Choice.

    Take one of several texts, a line each, counted from 0; past the end it starts again.
    """
    lines = [line for line in options.splitlines() if line.strip()] or [""]
    return lines[index % len(lines)]


@node(lane="inline")
def colour(value: Annotated[str, Colour()] = "#ffffff") -> str:
    """Colour.

    A colour as #rrggbb.
    """
    return value


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this module."""
    return [text, number, integer, seed, switch, choice, colour]
