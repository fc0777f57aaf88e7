"""Running a plan: one ready-queue over integer indices, pruned backwards from what is asked.

Only what is asked for and not cached runs. Independent branches run at the same time and go on
when another fails; an expansion or a mapped node runs as a nested plan in the same session.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from .cache import Cache
from .calls import Blocked, Call, Failure, outputs_of
from .context import Context
from .errors import Cancelled, NodeError
from .events import Events
from .lanes import Lanes
from .pack import Packer
from .plan import Plan
from .step import Expand, Step

Outputs = tuple[Any, ...]
MANY = 10_000_000


@dataclass(eq=False)
class Session:
    """What a run shares with the runs inside it."""

    cache: Cache
    lanes: Lanes
    packer: Packer
    events: Events
    context: Context
    expand: Callable[[Expand, bytes, dict[int, bytes]], dict[str, Step]]
    """Checks and resolves the graph that a node returned; raises NodeError."""
    deadline: float = 5.0
    """Seconds that a node has to stop after a cancellation before it is left behind."""
    stopped: bool = False
    running: dict[bytes, asyncio.Future[Outputs]] = field(default_factory=dict)
    ran: dict[str, float] = field(default_factory=dict)
    cached: set[str] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    runs: set[Run] = field(default_factory=set)

    def stop(self) -> None:
        """Ask every running node to stop at its next progress report; from any thread."""
        self.stopped = True
        for run in tuple(self.runs):
            run.loop.call_soon_threadsafe(run.wake.put_nowait, None)


class Run:
    """One execution of a plan towards some targets."""

    def __init__(
        self, plan: Plan, session: Session, path: str = "", above: frozenset[bytes] = frozenset()
    ):
        self.plan, self.session, self.path, self.above = plan, session, path, above
        self.loop = asyncio.get_running_loop()
        self.wake: asyncio.Queue[int | None] = asyncio.Queue()
        self.values: dict[int, Outputs] = {}
        self.waiting: dict[int, int] = {}
        self.uses: dict[int, int] = {}
        """How many nodes still read a value; it is let go with the last."""
        self.ready: deque[int] = deque()
        self.wanted: dict[int, list[asyncio.Future[None]]] = {}
        self.failed: dict[int, BaseException] = {}
        self.tasks: dict[int, asyncio.Task[Outputs]] = {}

    async def __call__(self, targets: Collection[str]) -> dict[str, Outputs]:
        """Run towards targets; give the outputs of those that could be made."""
        goal = {t: self.plan.index[t] for t in targets}
        for i in goal.values():
            self.uses[i] = MANY  # the caller reads it
        self.session.runs.add(self)
        try:
            self.demand(goal.values())
            await self._loop()
        finally:
            if self.tasks:
                await self._abandon()
            self.session.runs.discard(self)
        if self.session.stopped:
            raise Cancelled
        return {t: self.values[i] for t, i in goal.items() if i in self.values}

    async def _loop(self) -> None:
        while True:
            while self.ready and not self.session.stopped:
                self._start(self.ready.popleft())
            if not self.tasks or self.session.stopped:
                return
            i = await self.wake.get()
            if i is not None:
                self._finish(i)

    def _start(self, i: int) -> None:
        step = self.plan.steps[i]
        if step.type.lane == "inline" and step.type.kind == "sync" and not step.each:
            return self._inline(i)
        self._spawn(i)

    def _inline(self, i: int) -> None:
        """Call a trivial node right here: a task would cost more than the node."""
        begun = time.perf_counter()
        try:
            result = Call(self, i).inline()
            if type(result) is Expand:
                return self._spawn(i, result)
            outputs = outputs_of(self.plan.steps[i].type, result)
        except (Exception, KeyboardInterrupt, SystemExit) as e:
            return self._fail(i, e)
        self._keep(i, outputs, time.perf_counter() - begun)
        self._release(i, outputs)

    def _spawn(self, i: int, expansion: Expand | None = None) -> None:
        task = self.tasks[i] = asyncio.create_task(self._execute(i, expansion))
        task.add_done_callback(lambda _: self.wake.put_nowait(i))

    def _finish(self, i: int) -> None:
        task = self.tasks.pop(i)
        if task.cancelled():
            return
        if error := task.exception():
            if isinstance(error, Cancelled):
                self.session.stop()
            else:
                self._fail(i, error)
        else:
            self._release(i, task.result())

    async def _execute(self, i: int, expansion: Expand | None = None) -> Outputs:
        """Run a node, or wait for the run of an equal one elsewhere in the session."""
        key, session = self.plan.keys[i], self.session
        if key in self.above:
            raise NodeError("this node expands into itself, with the same inputs, without end")
        if other := session.running.get(key):
            return await asyncio.shield(other)
        if self.plan.steps[i].type.pure and (made := session.cache.recent(key)) is not None:
            session.cached.add(self.name(i))  # an equal node was done since this one was queued
            session.events.emit("cached", self.path, {"nodes": [self.name(i)]})
            return made
        future = session.running[key] = asyncio.get_running_loop().create_future()
        begun = time.perf_counter()
        session.events.emit("started", self.name(i))
        try:
            outputs = await Call(self, i).result(expansion)
        except BaseException as e:
            future.set_exception(e)
            future.exception()  # nobody may be waiting
            raise
        else:
            future.set_result(outputs)
        finally:
            del session.running[key]
        self._keep(i, outputs, time.perf_counter() - begun)
        return outputs

    def _keep(self, i: int, outputs: Outputs, seconds: float) -> None:
        session, name = self.session, self.name(i)
        session.packer.freeze(outputs)
        if self.plan.steps[i].type.pure:
            session.cache.put(self.plan.keys[i], outputs, seconds)
        session.ran[name] = seconds
        session.events.emit("finished", name, {"seconds": seconds} | self._also(i))

    def _also(self, i: int) -> dict[str, Any]:
        return {"also": also} if (also := self.plan.aliases.get(i)) else {}

    def name(self, i: int) -> str:
        """The address of a node, through the expansions it is in."""
        return self.path + self.plan.ids[i]

    def demand(self, goal: Iterable[int]) -> None:
        """Walk back from the goal; a cached node needs nothing behind it."""
        plan, values, waiting = self.plan, self.values, self.waiting
        seen = {i for i in goal if i not in values and i not in waiting and i not in self.failed}
        todo, fresh, hits = list(seen), [], []
        while todo:
            i = todo.pop()
            step = plan.steps[i]
            if step.type.pure and (hit := self.session.cache.get(plan.keys[i])) is not None:
                values[i] = hit
                hits.append(i)
                continue
            waiting[i] = 0
            fresh.append(i)
            for j in plan.reads[i]:
                self.uses[j] = self.uses.get(j, 0) + 1
            for j in plan.needs[i]:
                if j not in seen and j not in values and j not in waiting:
                    seen.add(j)
                    todo.append(j)
        self._announce(hits, fresh)
        for i in fresh:
            waiting[i] = sum(j not in values for j in plan.needs[i])
            if any(j in self.failed for j in plan.needs[i]):
                self._block(i)
            elif not waiting[i]:
                self.ready.append(i)

    def _announce(self, hits: list[int], fresh: list[int]) -> None:
        for kind, found in (("cached", hits), ("queued", fresh)):
            if found:
                names = [self.name(i) for i in found]
                aliases = [self.path + a for i in found for a in self.plan.aliases.get(i, ())]
                self.session.events.emit(kind, self.path, {"nodes": names + aliases})
        self.session.cached.update(self.name(i) for i in hits)

    async def fetch(self, i: int, out: int) -> Any:
        """Compute what a lazy input stands for."""
        if i not in self.values and i not in self.failed:
            future = asyncio.get_running_loop().create_future()
            self.wanted.setdefault(i, []).append(future)
            self.demand([i])
            if i in self.values:
                self._answer(i)
            self.wake.put_nowait(None)
            await future
        if i in self.failed:
            raise self.failed[i]
        return self.values[i][out]

    def _answer(self, i: int) -> None:
        for future in self.wanted.pop(i, ()):
            if not future.done():
                future.set_result(None)

    def _release(self, i: int, outputs: Outputs) -> None:
        """Hand on a value: to who waits for it, and drop what nobody reads any more."""
        self.values[i] = outputs
        self.waiting.pop(i, None)
        self._let_go(i)
        self._answer(i)
        for s in self.plan.succ[i]:
            if s in self.waiting:
                self.waiting[s] -= 1
                if not self.waiting[s]:
                    self.ready.append(s)

    def _let_go(self, i: int) -> None:
        for j in self.plan.reads[i]:
            self.uses[j] -= 1
            if not self.uses[j] and j not in self.plan.kept:
                self.values.pop(j, None)  # the cache decides whether it lives on

    def _fail(self, i: int, error: BaseException) -> None:
        """Note a failure; what depends on it is blocked, everything else goes on."""
        if not isinstance(error, Blocked):
            failure = Failure.of(self.name(i), self.plan.steps[i].type, error)
            self.session.failures.append(failure)
            self.session.events.emit("failed", failure.node, failure.json() | self._also(i))
        self._block(i)

    def _block(self, i: int) -> None:
        todo, blocked = [i], []
        while todo:
            i = todo.pop()
            if i in self.failed:
                continue
            blocked.append(self.name(i))
            self.failed[i] = Blocked(f"{self.name(i)} could not be made")
            self.waiting.pop(i, None)
            self._answer(i)
            todo += [s for s in self.plan.succ[i] if s in self.waiting]
        self.session.events.emit("blocked", self.path, {"nodes": blocked})

    async def _abandon(self) -> None:
        """Stop what runs: it has `deadline` seconds to notice, then it is left behind."""
        self.session.stop()
        tasks = dict(self.tasks)
        for i, task in tasks.items():
            if self.plan.steps[i].type.kind == "async":
                task.cancel()
        _, stuck = await asyncio.wait(tasks.values(), timeout=self.session.deadline)
        for i, task in tasks.items():
            if task in stuck:
                task.cancel()
                self.session.lanes.abandon(self.plan.steps[i].type.lane)
            elif not task.cancelled():
                task.exception()
