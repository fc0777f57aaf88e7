"""Declaring nodes: what a signature and a docstring become."""

from collections.abc import AsyncGenerator
from typing import Annotated, Literal, NamedTuple

import pytest

from lovebird import Context, Lazy, NodeType, node
from lovebird.graph.node import fingerprint
from lovebird.graph.widgets import Choice, Slider


class Pair(NamedTuple):
    low: int
    high: int


@node(lane="gpu", version=2)
def sample(
    ctx: Context,
    steps: Annotated[int, Slider(1, 150)] = 20,
    scheduler: Literal["euler", "heun"] = "euler",
) -> int:
    """Sample.

    Denoise step by step.
    """
    return sum(1 for _ in ctx.track(range(steps)))


def test_sockets_widgets_and_words_come_from_the_function():
    assert isinstance(sample, NodeType)
    steps, scheduler = sample.inputs
    assert (steps.name, steps.type, steps.widget, steps.default) == (
        "steps",
        int,
        Slider(1, 150),
        20,
    )
    assert isinstance(scheduler.widget, Choice) and scheduler.widget.options == ("euler", "heun")
    assert (sample.title, sample.lane, sample.version) == ("Sample", "gpu", 2)
    assert "step by step" in sample.doc


def test_a_node_stays_a_plain_function():
    assert sample(3) == 3 and sample(steps=4) == 4


def test_progress_can_be_watched_when_called_by_hand():
    seen = []
    sample.fn(Context(emit=lambda kind, data: seen.append(data["step"])), 3)
    assert seen == [0, 1, 2, 3]


def test_the_id_is_the_module_and_the_name():
    assert sample.id.endswith("test_node.sample")
    assert node(id="other.name")(lambda: None).id == "other.name"


def test_a_named_tuple_gives_several_outputs():
    @node
    def halve(x: int) -> Pair:
        return Pair(x // 2, x - x // 2)

    assert [p.name for p in halve.outputs] == ["low", "high"]


def test_mistakes_in_a_declaration_are_told_when_it_is_read():
    with pytest.raises(TypeError, match="'x' needs a type annotation"):
        node(lambda x: x)
    with pytest.raises(TypeError, match="lazy inputs must be an async function"):

        @node
        def lazy(x: Lazy[int]) -> int: ...

    with pytest.raises(TypeError, match="async generator"):

        @node
        async def stream(x: int) -> AsyncGenerator[int, None]:
            yield x

    with pytest.raises(TypeError, match=r"use \*\*xs"):

        @node
        def many(*xs: int) -> int: ...


def test_the_fingerprint_is_of_what_the_code_does():
    def one(x):
        """Say something."""
        return x + 1  # a comment

    first = fingerprint(one)

    def one(x):
        return x + 1

    assert fingerprint(one) == first

    def one(x):
        return x + 2

    assert fingerprint(one) != first
