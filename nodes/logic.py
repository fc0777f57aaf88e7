"""Choosing between branches."""

from __future__ import annotations

from typing import Any, Literal

from ..graph.context import Lazy
from ..graph.node import node
from ..plugins import hookimpl


@node(lane="inline")
async def switch(which: bool, yes: Lazy[Any], no: Lazy[Any]) -> Any:
    """Switch.

    Give `yes` or `no`. Only the branch that is chosen is computed.
    """
    return await (yes if which else no)


@node(lane="inline")
def compare(
    first: float = 0.0,
    second: float = 0.0,
    how: Literal["<", "<=", "=", ">=", ">", "not ="] = "=",
) -> bool:
    """Compare numbers.

    Whether the first number is less than, equal to or greater than the second.
    """
    answers = {"<": first < second, "<=": first <= second, "=": first == second}
    answers |= {">=": first >= second, ">": first > second, "not =": first != second}
    return answers[how]


@node(lane="inline")
def same(first: str = "", second: str = "") -> bool:
    """Compare texts.

    Whether two texts are the same.
    """
    return first == second


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this module."""
    return [switch, compare, same]
