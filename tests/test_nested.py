"""Graphs inside nodes: mapping over lists, folding, expansion, loops."""

import asyncio
from collections import Counter

import pytest

from lovebird import Engine, Lazy, Workflow, node
from lovebird.graph.cache import NoCache
from lovebird.graph.engine import RunFailed
from lovebird.graph.step import Expand

calls: Counter[int] = Counter()


@pytest.fixture(autouse=True)
def fresh():
    calls.clear()


@node
def square(x: int, plus: int = 0) -> int:
    """Square a number, unless it is 13."""
    calls[x] += 1
    if x == 13:
        raise ValueError("unlucky")
    return x * x + plus


@node
def count(n: int) -> list[int]:
    """Count to n."""
    return list(range(n))


@node
def total(xs: list[int]) -> int:
    """Add up."""
    return sum(xs)


@node
def join(so_far: str, word: str) -> str:
    """Add a word."""
    return so_far + word


@node
async def choose(flag: bool, yes: Lazy[int], no: Lazy[int]) -> int:
    """Give one of two."""
    return await yes if flag else await no


@node
def repeat(x: int, times: int) -> int | Expand:
    """Square again and again."""
    graph, last = Workflow(), x
    for _ in range(times):
        last = graph.add(square, x=last)
    return Expand(graph, (last,))


@node
def countdown(n: int) -> int | Expand:
    """Loop while n is over zero, one expansion a round."""
    if n == 0:
        return 0
    graph = Workflow()
    return Expand(graph, (graph.add(countdown, n=n - 1),))


@node
def forever(n: int) -> int | Expand:
    """Expand into itself."""
    graph = Workflow()
    return Expand(graph, (graph.add(forever, n=n),))


@node
def tangle(n: int) -> int | Expand:
    """Expand into a cycle."""
    graph = Workflow()
    a = graph.add(square, "a", x=n)
    b = graph.add(square, "b", x=a)
    graph.set("a.x", b.link.json())
    return Expand(graph, (b,))


NODES = [square, count, total, join, choose, repeat, countdown, forever, tangle]


@pytest.fixture
def engine():
    return Engine(NODES)


def mapped(*values: int) -> Workflow:
    w = Workflow()
    w.add(total, xs=w.map(w.add(square, x=list(values)), "x"))
    return w


def test_a_mapped_node_runs_once_an_item_in_order(engine):
    result = engine.run(mapped(3, 1, 2), ["square", "total"])
    assert result["square"] == [9, 1, 4] and result["total"] == 14


def test_changing_one_item_runs_that_item_alone(engine):
    engine.run(mapped(1, 2, 3))
    calls.clear()
    assert engine.run(mapped(1, 5, 3))["total"] == 35
    assert calls == {5: 1}


def test_a_chain_of_mapped_nodes_keeps_a_cache_entry_an_item(engine):
    def chain(*xs: int) -> Workflow:
        w = Workflow()
        w.map(w.add(square, "second", x=w.map(w.add(square, "first", x=list(xs)), "x")), "x")
        return w

    assert engine.run(chain(1, 2))["second"] == [1, 16]
    calls.clear()
    assert engine.run(chain(1, 3))["second"] == [1, 81]
    assert calls == {3: 1, 9: 1}


def test_a_list_that_a_node_made_is_mapped_over(engine):
    with Workflow() as w:
        w.map(square(count(4)), "x")
    assert engine.run(w)["square"] == [0, 1, 4, 9]


def test_two_lists_are_mapped_together_and_must_be_as_long(engine):
    with Workflow() as w:
        w.map(square([1, 2], [10, 20]), "x", "plus")
    assert engine.run(w)["square"] == [11, 24]
    w.set("square.plus", [1])
    with pytest.raises(RunFailed, match="differ in length: x has 2, plus has 1"):
        engine.run(w)


def test_an_empty_list_gives_an_empty_list(engine):
    assert engine.run(mapped())["total"] == 0


def test_a_failing_item_blocks_only_itself(engine):
    with pytest.raises(RunFailed) as info:
        engine.run(mapped(1, 13, 3))
    (failure,) = info.value.failures
    assert failure.node == "square[1]"
    calls.clear()
    assert engine.run(mapped(1, 2, 3))["total"] == 14
    assert calls == {2: 1}


def test_laziness_is_decided_item_by_item(engine):
    with Workflow() as w:
        w.map(choose([True, False, True], square(2), square(13)), "flag")
    with pytest.raises(RunFailed) as info:
        engine.run(w)
    assert [f.node for f in info.value.failures] == ["square_2"]
    w.set("choose.flag", [True, True])
    calls.clear()
    assert engine.run(w)["choose"] == [4, 4] and 13 not in calls


def test_items_may_expand(engine):
    with Workflow() as w:
        w.map(repeat([2, 3], 2), "x")
    assert engine.run(w)["repeat"] == [16, 81]


def test_a_fold_carries_state_and_keeps_what_did_not_change(engine):
    with Workflow() as w:
        w.map(join("", ["a", "b", "c"]), "word", fold={"so_far": "out"})
    assert engine.run(w)["join"] == "abc"
    w.set("join.word", ["a", "b", "d"])
    result = engine.run(w)
    assert result["join"] == "abd" and set(result.ran) == {"join", "join[2]"}
    w.set("join.word", [])
    with pytest.raises(RunFailed, match="nothing to fold over"):
        engine.run(w)


def test_an_expansion_gives_its_outputs_and_its_parts_are_cached(engine):
    with Workflow() as w:
        repeat(2, 3)
    assert engine.run(w)["repeat"] == 256
    w.set("repeat.times", 4)
    result = engine.run(w)
    assert result["repeat"] == 65536
    assert set(result.ran) == {"repeat", "repeat/square_4"}


def test_an_inline_node_that_expands_is_called_once():
    @node(lane="inline")
    def grow(x: int) -> int | Expand:
        calls[-1] += 1
        graph = Workflow()
        return Expand(graph, (graph.add(square, x=x),))

    with Workflow() as w:
        grow(3)
    assert Engine([grow, square]).run(w)["grow"] == 9 and calls[-1] == 1


def test_expansions_work_without_a_cache():
    with Workflow() as w:
        repeat(2, 2)
    assert Engine(NODES, cache=NoCache()).run(w)["repeat"] == 16


def test_a_node_in_an_expansion_shares_the_run_of_an_equal_one_outside(engine):
    with Workflow() as w:
        square(2), repeat(2, 1)
    engine.run(w)
    assert calls == {2: 1}


def test_a_loop_by_expansion_has_no_depth_limit(engine):
    with Workflow() as w:
        countdown(1500)
    assert engine.run(w)["countdown"] == 0


def test_an_expansion_into_itself_is_named(engine):
    with Workflow() as w:
        forever(1)
    with pytest.raises(RunFailed, match="expands into itself"):
        engine.run(w)


def test_a_cycle_in_an_expansion_is_blamed_on_the_node_that_made_it(engine):
    with Workflow() as w:
        tangle(1)
    with pytest.raises(RunFailed, match=r"tangle .*feeds itself: a -> b -> a"):
        engine.run(w)


def test_async_nodes_of_two_expansions_overlap():
    here: set[int] = set()

    @node
    async def meet(n: int) -> int:
        here.add(n)
        while len(here) < 2:
            await asyncio.sleep(0)
        return n

    @node
    def inside(n: int) -> int | Expand:
        graph = Workflow()
        return Expand(graph, (graph.add(meet, n=n),))

    with Workflow() as w:
        inside(1), inside(2)
    assert Engine([meet, inside]).run(w)["inside_2"] == 2
