"""Running graphs: lazy, cached, checked, partial, failing, parallel."""

import asyncio
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
import pytest

from lovebird import Context, Engine, Lazy, LovebirdError, NodeError, Workflow, node
from lovebird.graph.cache import NoCache
from lovebird.graph.engine import RunFailed
from lovebird.graph.types import Image
from lovebird.graph.widgets import Slider
from lovebird.nodes.tensors import TORCH

calls: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def fresh():
    calls.clear()


@node
def number(value: int = 1) -> int:
    """Give a number."""
    calls[f"number {value}"] += 1
    return value


@node
def add(a: int, b: int = 1) -> int:
    """Add."""
    calls["add"] += 1
    return a + b


@node(lane="inline")
def double(a: int) -> int:
    """Double."""
    calls["double"] += 1
    return 2 * a


@node
async def later(a: int) -> int:
    """Add one, asynchronously."""
    await asyncio.sleep(0)
    calls["later"] += 1
    return a + 1


@node
async def pick(flag: bool, yes: Lazy[int], no: Lazy[int]) -> int:
    """Give one of two, and compute only that one."""
    return await yes if flag else await no


@node
def fail(a: int = 0) -> int:
    """Raise."""
    raise ValueError(f"no luck with {a}")


@node
def refuse(size: int = 0) -> int:
    """Complain about a socket."""
    raise NodeError("0 came; a positive size was wanted: raise it", "size")


class Halves(NamedTuple):
    low: int
    high: int


@node
def halve(x: Annotated[int, Slider(0, 100)] = 10) -> Halves:
    """Halve a number."""
    return Halves(x // 2, x - x // 2)


@node(pure=False)
def tick() -> int:
    """Count its own runs."""
    calls["tick"] += 1
    return calls["tick"]


@node
def total(**parts: int) -> int:
    """Add any number of inputs."""
    return sum(parts.values())


@node
def anything(a: int) -> Any:
    """Give a value of no known type."""
    return a if a else "nothing"


NODES = [number, add, double, later, pick, fail, refuse, halve, tick, total, anything]


@pytest.fixture
def engine():
    return Engine(NODES)


def test_one_changed_input_reruns_only_what_is_downstream(engine):
    with Workflow() as w:
        left, right = number(1), number(2)
        add(add(left, 10), right)
    assert engine.run(w)["add_2"] == 13
    again = engine.run(w)
    assert again["add_2"] == 13 and not again.ran
    w.set("add.b", 20)
    changed = engine.run(w)
    assert changed["add_2"] == 23 and set(changed.ran) == {"add", "add_2"}


def test_equal_nodes_run_once_and_share_the_result(engine):
    with Workflow() as w:
        total(a=number(4), b=number(4))
    assert engine.run(w)["total"] == 8 and calls["number 4"] == 1


def test_one_output_that_feeds_two_consumers_is_computed_once(engine):
    with Workflow() as w:
        n = number(3)
        add(add(n), n)
    assert engine.run(w)["add_2"] == 7 and calls["number 3"] == 1


def test_an_int_and_the_same_float_are_the_same_for_a_float_socket():
    @node
    def scale(x: float) -> float:
        calls["scale"] += 1
        return x

    engine = Engine([scale])
    for x in (7, 7.0):
        w = Workflow()
        w.add(scale, x=x)
        assert engine.run(w)["scale"] == 7.0
    assert calls["scale"] == 1


def test_an_impure_node_runs_every_time_and_so_does_what_reads_it(engine):
    with Workflow() as w:
        add(tick())
    assert [engine.run(w)["add"], engine.run(w)["add"]] == [2, 3]


def test_a_node_tells_whether_the_outside_changed():
    world, asked = {"a": 1}, []

    @node
    def read(name: str, times: int = 1) -> int:
        calls["read"] += 1
        return world[name] * times

    @read.changed
    def _(name: str) -> int:
        asked.append(name)
        return world[name]

    engine, w = Engine([read]), Workflow()
    w.add(read, name="a")
    assert engine.run(w)["read"] == 1 and engine.run(w)["read"] == 1
    assert calls["read"] == 1 and asked == ["a", "a"]
    world["a"] = 5
    assert engine.run(w)["read"] == 5
    del world["a"]
    with pytest.raises(RunFailed, match=r"read.*KeyError"):
        engine.run(w)


def test_an_unneeded_lazy_input_never_runs(engine):
    with Workflow() as w:
        pick(False, number(1), add(number(2)))
    assert engine.run(w)["pick"] == 3
    assert "number 1" not in calls


def test_a_lazy_input_may_ask_for_what_others_have_used_up():
    engine = Engine(NODES, cache=NoCache())
    with Workflow() as w:
        n = tick()
        first = add(n, 5)
        pick(False, 0, add(first, n))
    assert engine.run(w, ["pick"])["pick"] == 7
    assert calls["tick"] == 1


def test_a_literal_may_stand_on_a_lazy_input(engine):
    with Workflow() as w:
        pick(True, 5, fail())
    assert engine.run(w)["pick"] == 5


def test_caching_off_computes_the_same(engine):
    with Workflow() as w:
        add(later(double(number(3))))
    assert Engine(NODES, cache=NoCache()).run(w)["add"] == engine.run(w)["add"] == 8


def test_several_outputs_are_linked_by_name(engine):
    with Workflow() as w:
        parts = halve(9)
        add(parts.low, parts.high)
    result = engine.run(w, ["add", "halve"])
    assert result["add"] == 9 and result["halve.high"] == 5


def test_inputs_of_any_name_reach_the_kwargs(engine):
    with Workflow() as w:
        total(x=1, y=number(2), z=3)
    assert engine.run(w)["total"] == 6


def test_only_the_targets_and_what_they_need_run(engine):
    with Workflow() as w:
        wanted = add(number(1))
        add(number(2))
        add(wanted, 10)
    result = engine.run(w, ["add"])
    assert result["add"] == 2 and set(result.ran) == {"number", "add"}


def test_an_empty_target_list_and_an_unknown_target_are_errors(engine):
    w = Workflow()
    w.add(number)
    with pytest.raises(LovebirdError, match="no target"):
        engine.run(w, [])
    with pytest.raises(LovebirdError, match="did you mean 'number'"):
        engine.run(w, ["numbr"])


def test_an_invalid_output_does_not_stop_the_valid_ones(engine):
    with Workflow() as w:
        number(1)
        add("x")  # pyright: ignore[reportArgumentType]
    with pytest.raises(RunFailed, match=r"add.a: 'x' came; int was wanted") as info:
        engine.run(w)
    assert info.value.result["number"] == 1


def test_a_failure_names_the_node_and_leaves_the_other_branches(engine):
    with Workflow() as w:
        add(fail(3))
        add(number(1))
    with pytest.raises(RunFailed) as info:
        engine.run(w)
    (failure,) = info.value.failures
    assert failure.node == "fail" and "ValueError: no luck with 3" in failure.text
    assert "test_run.py" in failure.traceback
    assert info.value.result["add_2"] == 2
    w.nodes.pop("fail"), w.nodes.pop("add")
    assert not engine.run(w).ran  # what the failed run finished is cached


def test_a_nodes_own_complaint_has_its_socket_and_no_traceback(engine):
    w = Workflow()
    w.add(refuse)
    with pytest.raises(RunFailed) as info:
        engine.run(w)
    (failure,) = info.value.failures
    assert (failure.socket, failure.traceback) == ("size", "")
    assert "a positive size was wanted" in str(info.value)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, RecursionError, MemoryError])
@pytest.mark.parametrize("lane", ["cpu", "inline"])
def test_nothing_that_a_node_raises_ends_the_engine(kind, lane):
    @node(lane=lane)
    def crash() -> int:
        raise kind

    @node(lane=lane)
    async def crash_later() -> int:
        raise kind

    engine = Engine([crash, crash_later, *NODES])
    for bad in (crash, crash_later):
        with Workflow() as w:
            bad(), number(1)
        with pytest.raises(RunFailed) as info:
            engine.run(w)
        assert info.value.result["number"] == 1
    good = Workflow()
    good.add(add, a=1)
    assert engine.run(good)["add"] == 2


def test_independent_nodes_overlap():
    both = threading.Barrier(2, timeout=20)

    @node
    def meet(n: int) -> int:
        both.wait()
        return n

    with Workflow() as w:
        meet(1), meet(2)
    assert set(Engine([meet]).run(w).ran) == {"meet", "meet_2"}


def test_async_nodes_overlap():
    here: set[int] = set()

    @node
    async def meet(n: int) -> int:
        here.add(n)
        while len(here) < 2:
            await asyncio.sleep(0)
        return n

    with Workflow() as w:
        meet(1), meet(2)
    assert Engine([meet]).run(w)["meet_2"] == 2


def test_the_gpu_lane_is_free_while_files_are_written():
    encoding, sampling = threading.Event(), threading.Event()

    @node(lane="io", pure=False)
    def encode() -> int:
        encoding.set()
        assert sampling.wait(20)
        return 1

    @node(lane="gpu")
    def sample() -> int:
        assert encoding.wait(20)
        sampling.set()
        return 2

    with Workflow() as w:
        encode(), sample()
    assert len(Engine([encode, sample]).run(w).ran) == 2


def test_gpu_nodes_run_one_after_the_other_in_one_thread():
    threads = set()

    @node(lane="gpu")
    def where(n: int) -> int:
        threads.add(threading.get_ident())
        return n

    with Workflow() as w:
        where(1), where(2), where(3)
    Engine([where]).run(w)
    assert len(threads) == 1


def test_a_generator_node_shows_what_it_yields_and_gives_what_it_returns():
    from collections.abc import Generator

    @node
    def frames(n: int) -> Generator[str, None, int]:
        for i in range(n):
            yield f"frame {i}"
        return n

    w = Workflow()
    w.add(frames, n=3)
    seen = []
    result = Engine([frames]).run(w, watch=lambda e: seen.append(e.data.get("preview")))
    assert result["frames"] == 3 and [s for s in seen if s] == ["frame 0", "frame 1", "frame 2"]


def test_a_node_cannot_change_a_numpy_value_that_others_share():
    @node
    def picture() -> Image:
        return Image(np.zeros((1, 2, 2, 3), np.float32))

    @node
    def scribble(image: Image) -> Image:
        image.pixels[:] = 1
        return image

    with Workflow() as w:
        scribble(picture())
    from lovebird.graph.socket import Sockets
    from lovebird.nodes.sockets import register_sockets

    with pytest.raises(RunFailed, match=r"scribble.*read-only"):
        Engine([picture, scribble], Sockets(register_sockets())).run(w)


def test_a_node_that_changes_a_tensor_in_place_is_named_and_the_value_made_again():
    torch = pytest.importorskip("torch")

    @node
    def zeros() -> Any:
        calls["zeros"] += 1
        return torch.zeros(3)

    @node
    def scribble(x: Any) -> Any:
        return x.add_(1)

    with Workflow() as w:
        scribble(zeros())
    engine = Engine([zeros, scribble], arrays=[TORCH])
    with pytest.raises(RunFailed, match=r"scribble.*changed its input in place"):
        engine.run(w)
    assert engine.run(w, ["zeros"])["zeros"].sum() == 0 and calls["zeros"] == 2


def test_lists_are_copies_so_that_a_node_may_change_its_own():
    @node
    def some() -> list[int]:
        return [1, 2]

    @node
    def grow(xs: list[int]) -> int:
        xs.append(3)
        return len(xs)

    with Workflow() as w:
        xs = some()
        total(a=grow(xs), b=w.add(grow, "again", xs=xs))
    result = Engine([some, grow, total]).run(w, ["total", "some"])
    assert result["some"] == [1, 2] and result["total"] == 6


def test_a_value_of_unknown_type_is_checked_when_it_arrives(engine):
    with Workflow() as w:
        add(anything(0))
    with pytest.raises(RunFailed, match=r"add.a .*'nothing' came; int was wanted"):
        engine.run(w)


def test_a_linked_value_is_held_to_the_range_of_the_widget(engine):
    with Workflow() as w:
        halve(number(1000))
    with pytest.raises(RunFailed, match=r"halve.x .*1000 came; a number from 0 to 100 was wanted"):
        engine.run(w)


@pytest.mark.parametrize("lane", ["cpu", "inline"])
def test_a_node_that_returns_the_wrong_thing_is_told_so(lane):
    @node(lane=lane)
    def liar() -> int:
        return "three"  # pyright: ignore[reportReturnType]

    w = Workflow()
    w.add(liar)
    with pytest.raises(RunFailed, match="gave str on out; int was wanted"):
        Engine([liar]).run(w)


def test_a_live_value_may_feed_a_workflow_that_is_built_in_code():
    @dataclass(frozen=True)
    class Thing:
        n: int

    @node
    def read(thing: Thing) -> int:
        return thing.n

    Engine([read])
    for n in (1, 2):
        w = Workflow()
        w.add(read, thing=Thing(n))
        assert Engine([read]).run(w)["read"] == n


def test_a_chain_of_ten_thousand_nodes_is_no_problem():
    w, last, n = Workflow(), 0, 10_000
    assert n > sys.getrecursionlimit()
    for i in range(n):
        last = w.add(double if i % 100 else later, str(i), a=0 if i % 50 else last)
    assert engine_value(w, str(n - 1)) == 0


def engine_value(w: Workflow, id: str) -> Any:
    return Engine(NODES).run(w, [id])[id]


def test_a_run_inside_an_event_loop_works_as_in_a_notebook(engine):
    w = Workflow()
    w.add(add, a=1)

    async def notebook():
        return engine.run(w)["add"], (await engine.arun(w))["add"]

    assert asyncio.run(notebook()) == (2, 2)


def test_the_context_of_a_node_names_it():
    @node
    def who(ctx: Context) -> str:
        return ctx.node

    w = Workflow()
    w.add(who, "me")
    assert Engine([who]).run(w)["me"] == "me"
