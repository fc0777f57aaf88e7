"""Calling one node: its arguments, its lane, its result, and what is said if it fails."""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from .context import Lazy
from .errors import Cancelled, LovebirdError, NodeError
from .lanes import Crashed
from .node import NodeType
from .socket import type_name
from .step import Expand, Ref
from .workflow import Given

if TYPE_CHECKING:
    from .run import Run

Outputs = tuple[Any, ...]


class Blocked(Exception):
    """Something upstream failed, and was reported there."""


@dataclass(frozen=True)
class Failure:
    """Why a node has no result: its address, its type, the socket if one is to blame."""

    node: str
    type: str
    socket: str | None
    text: str
    traceback: str = ""
    """Where a plugin's code broke; empty for what the node explained by itself."""

    @classmethod
    def of(cls, node: str, type: NodeType[..., Any], error: BaseException) -> Failure:
        """Describe what a node raised."""
        socket = getattr(error, "socket", None)
        if isinstance(error, LovebirdError):
            return cls(node, type.id, socket, str(error))
        cause = error.__cause__ if isinstance(error, Crashed) and error.__cause__ else error
        text = f"{error.__class__.__name__}: {error}" if cause is error else str(error)
        trace = "".join(traceback.format_exception(cause, limit=-12))
        return cls(node, type.id, socket, text, trace)

    def __str__(self) -> str:
        place = f"{self.node}.{self.socket}" if self.socket else self.node
        return f"{place} ({self.type}): {self.text}"

    def json(self) -> dict[str, Any]:
        """The failure for a program."""
        return asdict(self)


class Call:
    """One call of the node at index `i` of a run."""

    def __init__(self, run: Run, i: int):
        self.run, self.i = run, i
        self.step = run.plan.steps[i]

    def arguments(self) -> dict[str, Any]:
        """The arrived inputs by name. Lists and dicts are copies: a node may change its own."""
        values, index, lazy = self.run.values, self.run.plan.index, self.step.type.lazy
        args = {}
        for name, value in self.step.inputs.items():
            if name in lazy and name not in self.step.each:
                args[name] = self._lazy(value)
                continue
            if type(value) is Ref:
                arrived = values[index[value.node]][value.out]
                value = value.convert(arrived) if value.convert else arrived
            elif type(value) is Given:
                value = value.value
            args[name] = _copy(value) if type(value) in (list, dict) else value
        return args

    def _lazy(self, value: Any) -> Lazy[Any]:
        if type(value) is Given and isinstance(value.value, Lazy):
            return value.value

        async def get() -> Any:
            if type(value) is not Ref:
                return value.value if type(value) is Given else value
            arrived = await self.run.fetch(self.run.plan.index[value.node], value.out)
            return value.convert(arrived) if value.convert else arrived

        return Lazy(get)

    def inline(self) -> Any:
        """Call a trivial node right here, in the engine's loop."""
        if isinstance(self.step.outside, BaseException):
            raise self.step.outside
        args = self.arguments()
        return self.step.type.fn(**args, **self._context())

    def _context(self) -> dict[str, Any]:
        type = self.step.type
        if not type.context:
            return {}
        session, name = self.run.session, self.run.name(self.i)
        device = session.context.device if type.lane == "gpu" else "cpu"
        context = replace(
            session.context,
            node=name,
            device=device,
            emit=lambda kind, data: session.events.emit(kind, name, data),
            stopped=lambda: session.stopped,
            watched=session.events.watched,
        )
        return {type.context: context}

    async def result(self, expansion: Expand | None = None) -> Outputs:
        """Call the node in its lane and check what it gives; `expansion` if it was called."""
        if isinstance(self.step.outside, BaseException):
            raise self.step.outside
        from . import nested  # a run inside a call inside a run

        args = self.arguments()
        if self.step.each:
            return await nested.each(self.run, self.i, args)
        packer = self.run.session.packer
        before = packer.stamps(args)
        result = expansion or await self._invoke(args | self._context())
        if before and packer.stamps(args) != before:
            self._forget_inputs()
            raise NodeError("the node changed its input in place, which others share: clone first")
        if isinstance(result, Expand):
            return await nested.expand(self.run, self.i, result, args)
        return outputs_of(self.step.type, result)

    async def _invoke(self, args: dict[str, Any]) -> Any:
        type = self.step.type
        if type.kind == "async":
            try:
                return await type.fn(**args)
            except (SystemExit, KeyboardInterrupt) as e:
                raise Crashed(f"the node raised {e.__class__.__name__}") from e
        call: Callable[[], Any] = functools.partial(type.fn, **args)
        if type.kind == "stream":
            call = functools.partial(self._drain, call)
        if type.lane == "inline":
            return call()
        return await self.run.session.lanes.run(type.lane, call)

    def _drain(self, start: Callable[[], Any]) -> Any:
        """Run a generator node: what it yields is shown, what it returns is its output."""
        session, name, stream = self.run.session, self.run.name(self.i), start()
        step = 0
        while True:
            try:
                shown = next(stream)
            except StopIteration as end:
                return end.value
            step += 1
            session.events.emit("progress", name, {"step": step, "of": 0, "preview": shown})
            if session.stopped:
                stream.close()
                raise Cancelled

    def _forget_inputs(self) -> None:
        plan = self.run.plan
        for j in plan.reads[self.i]:
            self.run.session.cache.drop(plan.keys[j])


def _copy(value: Any) -> Any:
    if type(value) is list:
        return [_copy(v) if type(v) in (list, dict) else v for v in value]
    return {k: _copy(v) if type(v) in (list, dict) else v for k, v in value.items()}


def outputs_of(type: NodeType[..., Any], result: Any) -> Outputs:
    """What a node returned, as a tuple with a value an output; raises NodeError."""
    ports = type.outputs
    if len(ports) == 1 and not hasattr(result, "_fields"):
        outputs: Outputs = (result,)
    elif not ports:
        return ()
    else:
        outputs = tuple(result) if isinstance(result, tuple) else (result,)
    if len(outputs) != len(ports):
        wanted = ", ".join(p.name for p in ports)
        raise NodeError(f"the node gave {len(outputs)} outputs; {len(ports)} were wanted: {wanted}")
    for port, value in zip(ports, outputs, strict=True):
        hint = port.type
        if hint is not Any and inspect.isclass(hint) and not isinstance(value, hint):
            if hint is float and isinstance(value, int):
                continue
            raise NodeError(f"the node gave {value.__class__.__name__} on {port.name}; "
                            f"{type_name(hint)} was wanted")  # fmt: skip
    return outputs
