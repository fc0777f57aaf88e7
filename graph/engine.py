"""The engine: node types, cache and lanes put together; checks, plans and runs workflows."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .cache import Cache
from .calls import Failure
from .check import Checker, Problem, upgrade
from .context import Context
from .errors import Cancelled, LovebirdError, NodeError, did_you_mean
from .events import Event, Events, Watcher
from .lanes import Lanes
from .node import NodeType
from .pack import ArrayKind, Packer
from .plan import Plan, digest
from .run import Run, Session
from .socket import Sockets
from .step import Expand, PerItem, Ref, Resolver, Step
from .why import why
from .workflow import Workflow

Outputs = tuple[Any, ...]


class RunFailed(LovebirdError):
    """Some of what was asked for could not be made; `result` holds the rest."""

    def __init__(self, failures: list[Failure | Problem], result: Result):
        super().__init__("\n".join(map(str, failures)))
        self.failures, self.result = failures, result


@dataclass(repr=False)
class Result:
    """What a run gave: values by `node` or `node.output`, and how it went."""

    values: dict[str, Outputs]
    types: Mapping[str, NodeType[..., Any]]
    ran: dict[str, float] = field(default_factory=dict)
    """Seconds by node, for those that ran."""
    cached: set[str] = field(default_factory=set)
    failures: list[Failure | Problem] = field(default_factory=list)
    seconds: float = 0.0
    events: Events = field(default_factory=Events)
    plan: Plan | None = None
    before: Plan | None = None

    def __getitem__(self, address: str) -> Any:
        node, _, output = address.partition(".")
        if node not in self.values:
            known = ", ".join(self.values) or "nothing"
            raise KeyError(f"no result for {node!r}: the run gave {known}")
        slots = self.types[node].slots
        return self.values[node][slots[output] if output else 0]

    def why(self, node: str) -> str:
        """Say why a node ran, or why it did not."""
        return why(node, self.ran, self.cached, self.plan, self.before)


class Engine:
    """Runs workflows. One engine keeps its threads and its cache from run to run."""

    def __init__(
        self,
        nodes: Mapping[str, NodeType[..., Any]] | Iterable[NodeType[..., Any]],
        sockets: Sockets | None = None,
        *,
        cache: Cache | None = None,
        lanes: Lanes | None = None,
        context: Context | None = None,
        arrays: Iterable[ArrayKind] = (),
        deadline: float = 5.0,
    ):
        types = nodes.values() if isinstance(nodes, Mapping) else nodes
        self.nodes: dict[str, NodeType[..., Any]] = {n.id: n for n in types}
        self.sockets = sockets or Sockets()
        self.packer = Packer(self.sockets, arrays)
        self.cache = cache if cache is not None else Cache()
        self.lanes = lanes or Lanes()
        self.context = context or Context()
        self.deadline = deadline
        self._active: set[Session] = set()
        self._last: Plan | None = None

    def check(self, workflow: Workflow) -> list[Problem]:
        """List every problem of a workflow."""
        return Checker(upgrade(workflow, self.nodes), self.nodes, self.sockets).run()

    def run(
        self,
        workflow: Workflow,
        targets: Collection[str] | None = None,
        watch: Watcher | None = None,
    ) -> Result:
        """Run a workflow towards its targets (all nodes that feed no other, if not said).

        Raises RunFailed if a target could not be made, Cancelled after `stop`, and
        KeyboardInterrupt after Ctrl-C, once running nodes have stopped.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.arun(workflow, targets, watch))
        return _in_thread(lambda: asyncio.run(self.arun(workflow, targets, watch)))

    async def arun(
        self,
        workflow: Workflow,
        targets: Collection[str] | None = None,
        watch: Watcher | None = None,
    ) -> Result:
        """Run a workflow inside an event loop; see `run`."""
        begun = time.perf_counter()
        workflow = upgrade(workflow, self.nodes)
        checker = Checker(workflow, self.nodes, self.sockets)
        problems = checker.run()
        goal = self._targets(workflow, checker, targets)
        broken = reach({p.node for p in problems}, checker.feeds)
        events = Events(watch)
        session = Session(
            self.cache, self.lanes, self.packer, events, replace(self.context, workflow=workflow),
            self._expand, self.deadline,
        )  # fmt: skip
        sound = [t for t in goal if t not in broken]
        plan = Plan(self._steps(workflow, sound, checker.reads, b""))
        types = {t: self.nodes[workflow.nodes[t].type] for t in sound}
        result = Result({}, types, session.ran, session.cached, events=events, plan=plan)
        result.before = self._last
        self._active.add(session)
        try:
            result.values = await Run(plan, session)(sound)
        finally:
            self._active.discard(session)
            self.cache.flush()
            self._last = plan
        result.seconds = time.perf_counter() - begun
        if targets is not None:  # else all is asked for, even what only feeds itself
            problems = _relevant(problems, goal, broken, checker)
        result.failures = [*problems, *session.failures]
        events.emit("done", "", {"seconds": result.seconds, "failed": len(result.failures)})
        if result.failures:
            raise RunFailed(result.failures, result)
        return result

    def stop(self) -> None:
        """Stop what runs: nodes end at their next progress report."""
        for session in tuple(self._active):
            session.stop()

    def close(self) -> None:
        """End the engine's threads."""
        self.stop()
        self.lanes.close()

    def _targets(
        self, workflow: Workflow, checker: Checker, targets: Collection[str] | None
    ) -> list[str]:
        if targets is None:
            return [i for i in workflow.nodes if not checker.feeds.get(i)]
        if not targets:
            raise LovebirdError("no target was given: name at least one node to run")
        for target in targets:
            if target not in workflow.nodes:
                hint = did_you_mean(target, workflow.nodes)
                raise LovebirdError(f"there is no node {target!r} to run{hint}")
        return list(dict.fromkeys(targets))

    def _steps(
        self,
        workflow: Workflow,
        goal: Collection[str],
        reads: Mapping[str, list[str]],
        key: bytes,
        known: Mapping[int, bytes] | None = None,
    ) -> dict[str, Step]:
        """Resolve what the goal needs, and ask what may have changed outside."""

        def origin(node: str, name: str, value: Any) -> bytes:
            return (known or {}).get(id(value)) or digest(key, node.encode(), name.encode())

        if not key:  # a live value in a workflow of the user's: nothing says where it comes from
            key = digest(b"live", str(time.time_ns()).encode())
        resolver = Resolver(workflow, self.nodes, self.sockets, origin)
        steps = resolver.steps(reach(goal, reads))
        for step in steps.values():
            if step.type.changes:
                step.outside = self._ask(step)
        return steps

    def _ask(self, step: Step) -> Any:
        """Ask a node whether the outside changed; what it raises is the node's failure."""
        try:
            if step.each and all(isinstance(step.inputs[n], list) for n in step.each):
                rows = zip(*(step.inputs[n] for n in step.each), strict=False)
                named = (dict(zip(step.each, row, strict=True)) for row in rows)
                return PerItem([self._answers(step, row) for row in named])
            return self._answers(step, {})
        except Exception as e:
            return e

    def _answers(self, step: Step, row: Mapping[str, Any]) -> Any:
        values = {**step.inputs, **row}
        answers = []
        for ask in step.type.changes:
            code = ask.__code__
            names = code.co_varnames[: code.co_argcount]
            if any(type(values.get(n)) is Ref for n in names):  # known only when it runs
                answers.append(time.time_ns())
                continue
            args = {n: self.context if n == "ctx" else values[n] for n in names}
            answers.append(json.loads(json.dumps(ask(**args))))
        return answers

    def _expand(self, expansion: Expand, key: bytes, known: dict[int, bytes]) -> dict[str, Step]:
        checker = Checker(expansion.graph, self.nodes, self.sockets)
        if problems := checker.run():
            told = "; ".join(map(str, problems))
            raise NodeError(f"the graph it expands into has problems: {told}")
        links = [getattr(o, "link", o) for o in expansion.outputs]
        goal = [link.node for link in links]
        return self._steps(expansion.graph, goal, checker.reads, key, known)


def reach(nodes: Iterable[str], edges: Mapping[str, list[str]]) -> dict[str, None]:
    """The nodes and all that one can walk to, in the order found."""
    seen = dict.fromkeys(nodes)
    todo = list(seen)
    while todo:
        for other in edges.get(todo.pop(), ()):
            if other not in seen:
                seen[other] = None
                todo.append(other)
    return seen


def _relevant(
    problems: list[Problem], goal: list[str], broken: Collection[str], checker: Checker
) -> list[Problem]:
    """The problems that keep a target from being made."""
    if not any(t in broken for t in goal):
        return []
    wanted = {t for t in goal if t in broken}
    return [p for p in problems if wanted & reach([p.node], checker.feeds).keys()]


def _in_thread(call: Callable[[], Result]) -> Result:
    """Call in a thread of its own, for a caller that is inside an event loop (a notebook)."""
    box: list[Any] = []

    def work() -> None:
        try:
            box.append(call())
        except BaseException as e:
            box.append(e)

    thread = threading.Thread(target=work, name="lovebird-run")
    thread.start()
    thread.join()
    if isinstance(box[0], BaseException):
        raise box[0]
    return box[0]


__all__ = ["Cancelled", "Engine", "Event", "Result", "RunFailed"]
