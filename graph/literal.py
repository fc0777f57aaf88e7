"""Literals: whether a value typed into a widget is what a socket wants, and its stored form."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args, get_origin

from .node import Port
from .socket import is_union, type_name

SCALARS = (str, int, float, bool)
MISSING: Any = object()


def shorten(value: Any, limit: int = 60) -> str:
    """A value as it may stand in a message."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def coerce(value: Any, hint: Any) -> Any:
    """The value in its one stored form (7 for a float is 7.0), or MISSING if it won't do.

    Nothing is guessed: "false" is no boolean, 513.7 no whole number, True no number.
    """
    if hint is Any:
        return value
    if value is None:
        return None if hint is type(None) or (is_union(hint) and None in _kinds(hint)) else MISSING
    if is_union(hint):
        return next((v for a in get_args(hint) if (v := coerce(value, a)) is not MISSING), MISSING)
    origin = get_origin(hint)
    if origin is Literal:
        found = (a for a in get_args(hint) if a == value and type(a) is type(value))
        return next(found, MISSING)
    if origin in (list, dict):
        return _container(value, origin, get_args(hint))
    return _scalar(value, hint)


def _kinds(hint: Any) -> list[Any]:
    return [None if a is type(None) else a for a in get_args(hint)]


def _scalar(value: Any, hint: Any) -> Any:
    kind = type(value)
    if hint is float and kind in (int, float):
        return float(value) if math.isfinite(value) and abs(value) < 1e300 else MISSING
    if kind is hint and hint in (*SCALARS, list, dict):
        return value
    return MISSING


def _container(value: Any, origin: Any, args: tuple[Any, ...]) -> Any:
    if type(value) is not origin:
        return MISSING
    if origin is list:
        items = [coerce(v, args[0]) for v in value]
        return MISSING if any(v is MISSING for v in items) else items
    items = {k: coerce(v, args[1]) for k, v in value.items()}
    return MISSING if any(v is MISSING for v in items.values()) else items


def takes_literals(hint: Any) -> bool:
    """Whether a value of this type can be typed in at all; an Image must come by a link."""
    if hint is Any or hint is type(None) or hint in (*SCALARS, list, dict):
        return True
    origin = get_origin(hint)
    if is_union(hint):
        return any(takes_literals(a) for a in get_args(hint))
    if origin is list:
        return takes_literals(get_args(hint)[0])
    return origin in (Literal, dict)


def problem(value: Any, port: Port) -> str | None:
    """What was wanted of a literal, or None if it will do."""
    if not takes_literals(port.type):
        return f"a link from an output of type {type_name(port.type)}"
    fixed = coerce(value, port.type)
    if fixed is MISSING:
        return (port.widget and port.widget.problem(value)) or type_name(port.type)
    if port.widget and fixed is not None:
        items = fixed if isinstance(fixed, list) else [fixed]
        return next((p for v in items if (p := port.widget.problem(v))), None)
    return None
