"""Widgets: how the editor shows an input, and what a literal must satisfy.

A widget is the metadata of an annotation: `steps: Annotated[int, Slider(1, 150)] = 20`.
Each offers `problem(value)`: None, or what was wanted, for the checker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Widget:
    """Base of all widgets; a plugin may subclass it."""

    def problem(self, value: Any) -> str | None:
        """Say what was wanted of a literal, or None if it will do."""
        return None

    def describe(self) -> dict[str, Any]:
        """The widget as JSON, for the editor's catalogue."""
        fields = {k: v for k, v in asdict(self).items() if not callable(v)}
        return {"widget": type(self).__name__.lower(), **fields}


@dataclass(frozen=True)
class Slider(Widget):
    """A number from `low` to `high`, both included."""

    low: float
    high: float
    step: float | None = None

    def problem(self, value: Any) -> str | None:
        """Refuse NaN and whatever lies outside."""
        if isinstance(value, int | float) and self.low <= value <= self.high:
            return None
        return f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Seed(Widget):
    """A non-negative 63-bit integer with a dice button."""

    def problem(self, value: Any) -> str | None:
        """Refuse what a random generator can't take."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
            return None
        return "a whole number from 0 to 2**63 - 1"


@dataclass(frozen=True)
class Lines(Widget):
    """Text of several lines, at most `limit` characters."""

    rows: int = 3
    limit: int = 100_000

    def problem(self, value: Any) -> str | None:
        """Refuse text over the limit."""
        if isinstance(value, str) and len(value) <= self.limit:
            return None
        return f"text of at most {self.limit:,} characters"


@dataclass(frozen=True)
class Choice(Widget):
    """One of several strings, fixed or computed when asked (a plugin's list of models, say)."""

    options: tuple[str, ...] = ()
    compute: Callable[[], Iterable[str]] | None = field(default=None, compare=False)
    free: bool = False
    """The options are suggestions: any other string will do."""

    def values(self) -> tuple[str, ...]:
        """The options as they are now."""
        return (*self.options, *(self.compute() if self.compute else ()))

    def problem(self, value: Any) -> str | None:
        """Refuse what is not offered."""
        if self.free or value in (options := self.values()):
            return None
        return "one of " + ", ".join(map(repr, options))

    def describe(self) -> dict[str, Any]:
        """List the options as they are now."""
        return {"widget": "choice", "options": list(self.values()), "free": self.free}


@dataclass(frozen=True)
class File(Widget):
    """The name of a file under one of the input roots; `suffixes` such as (".png", ".jpg")."""

    suffixes: tuple[str, ...] = ()

    def problem(self, value: Any) -> str | None:
        """Refuse a name whose suffix the node can't read."""
        if isinstance(value, str) and value and "\0" not in value:
            if not self.suffixes or value.lower().endswith(self.suffixes):
                return None
            return "a file name that ends in " + ", ".join(self.suffixes)
        return "a file name"


@dataclass(frozen=True)
class Colour(Widget):
    """A colour as `#rrggbb` or `#rrggbbaa`."""

    def problem(self, value: Any) -> str | None:
        """Refuse what is not a hexadecimal colour."""
        if isinstance(value, str) and re.fullmatch(r"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{8})", value):
            return None
        return "a colour such as #ff8800"
