"""Stopping a run: soon, with what runs awaited, and the next run works."""

import asyncio
import threading

import pytest

from lovebird import Cancelled, Context, Engine, Workflow, node

started = threading.Event()
released = threading.Event()


@pytest.fixture(autouse=True)
def fresh():
    started.clear()
    released.clear()
    yield
    released.set()


@node(lane="gpu")
def sample(ctx: Context, steps: int) -> int:
    """Report every step, for ever."""
    try:
        for step in range(steps):
            ctx.progress(step, steps)
            started.set()
    finally:
        released.set()
    return steps


@node(lane="gpu")
def deaf(n: int) -> int:
    """Never report."""
    started.set()
    released.wait(60)
    return n


@node
async def waiting(n: int) -> int:
    """Wait for ever."""
    started.set()
    try:
        await asyncio.Event().wait()
    finally:
        released.set()
    return n


@node(lane="gpu")
def quick(n: int) -> int:
    """Give a number."""
    return n


NODES = [sample, deaf, waiting, quick]


def stop_when_started(engine: Engine, w: Workflow) -> None:
    stopper = threading.Thread(target=lambda: (started.wait(20), engine.stop()))
    stopper.start()
    with pytest.raises(Cancelled):
        engine.run(w)
    stopper.join()


def one(type, **inputs) -> Workflow:
    w = Workflow()
    w.add(type, **inputs)
    return w


def test_a_node_that_reports_progress_stops_at_its_next_report():
    engine = Engine(NODES)
    stop_when_started(engine, one(sample, steps=10**9))
    assert released.is_set()
    assert engine.run(one(quick, n=1))["quick"] == 1


def test_a_node_that_never_reports_is_left_behind_at_the_deadline():
    engine = Engine(NODES, deadline=0.05)
    stop_when_started(engine, one(deaf, n=1))
    assert not released.is_set()
    assert engine.run(one(quick, n=2))["quick"] == 2, "the lane has a new thread"


def test_an_async_node_is_cancelled_at_its_await():
    engine = Engine(NODES)
    stop_when_started(engine, one(waiting, n=1))
    assert released.is_set()


def test_what_was_finished_before_the_stop_is_cached():
    engine = Engine(NODES)
    w = Workflow()
    with w:
        sample(w.add(quick, n=10**9))
    stop_when_started(engine, w)
    again = engine.run(w, ["quick"])
    assert not again.ran and again.cached == {"quick"}


def test_nodes_inside_a_mapped_node_stop_too():
    engine = Engine(NODES)
    w = Workflow()
    w.map(w.add(sample, steps=[10**9, 10**9 + 1]), "steps")
    stop_when_started(engine, w)
    assert released.is_set()


def test_stopping_twice_or_with_nothing_running_is_harmless():
    engine = Engine(NODES)
    engine.stop()
    stop_when_started(engine, one(sample, steps=10**9))
    engine.stop()
    assert engine.run(one(quick, n=3))["quick"] == 3


def test_cancelling_the_task_of_an_async_run_stops_its_nodes():
    async def main():
        task = asyncio.create_task(Engine(NODES).arun(one(sample, steps=10**9)))
        await asyncio.to_thread(started.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert released.is_set()
