"""Declaring nodes: a node type is a typed function, read once when it is decorated."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
import types
import typing
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import (
    Annotated,
    Any,
    Concatenate,
    Generic,
    Literal,
    ParamSpec,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from .context import Context, Lazy
from .widgets import Choice, Widget

P = ParamSpec("P")
R = TypeVar("R")
Inputs = dict[str, Any]
Migration = Callable[[Inputs], Inputs]
Kind = Literal["sync", "async", "stream"]
REQUIRED: Any = inspect.Parameter.empty
recorder: ContextVar[Any] = ContextVar("lovebird_recorder", default=None)
"""The workflow that calls of nodes are written into, set by `with Workflow()`."""


@dataclass(frozen=True, slots=True)
class Port:
    """One socket of a node: its name, Python type, widget and default."""

    name: str
    type: Any
    widget: Widget | None = None
    default: Any = REQUIRED
    lazy: bool = False
    many: bool = False
    """Stands for any number of inputs: the node's `**kwargs`."""

    @property
    def required(self) -> bool:
        """Whether a value or a link must be given."""
        return self.default is REQUIRED and not self.many


@dataclass(frozen=True, eq=False)
class NodeType(Generic[P, R]):
    """A function seen as a node: sockets from its signature, words from its docstring.

    Still the function: calling it runs it, or, inside `with Workflow()`, adds a node to it.
    """

    id: str
    fn: Callable[..., Any]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    doc: str
    kind: Kind = "sync"
    lane: str = "cpu"
    version: int = 1
    pure: bool = True
    context: str | None = None
    """The name of the parameter that takes the Context."""
    was: tuple[str, ...] = ()
    """Ids that this node had in older workflows."""
    migrations: dict[int, Migration] = field(default_factory=dict)
    changes: list[Callable[..., Any]] = field(default_factory=list)
    rules: list[Callable[..., Any]] = field(default_factory=list)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the plain function, or add a node to the workflow that is being built."""
        if (workflow := recorder.get()) is not None:
            return workflow.record(self, args, kwargs)
        if self.context and self.context not in kwargs and not _has_context(args):
            first = next(iter(inspect.signature(self.fn).parameters)) == self.context
            if first:
                return self.fn(Context(node=self.id), *args, **kwargs)
            return self.fn(*args, **kwargs, **{self.context: Context(node=self.id)})
        return self.fn(*args, **kwargs)

    def migrate(self, old: int) -> Callable[[Migration], Migration]:
        """Register the step that turns inputs saved by version `old` into the next one's."""

        def register(step: Migration) -> Migration:
            self.migrations[old] = step
            return step

        return register

    def upgrade(self, inputs: Inputs, saved: int) -> Inputs:
        """Bring inputs saved by an older version up to date."""
        for old in range(saved, self.version):
            inputs = self.migrations.get(old, dict)(dict(inputs))
        return inputs

    def changed(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        """Register what tells whether the outside changed (a file, a clock).

        Asked once a run before planning, with the node's literals by name (only those it has
        parameters for; a `ctx` parameter gets the Context). What it returns, as JSON, is part of
        the cache key. If it raises, the node fails: nothing is rerun in silence.
        """
        self.changes.append(ask)
        return ask

    def rule(self, check: Callable[..., Any]) -> Callable[..., Any]:
        """Register a check of literals together: returns None, or the text of the problem."""
        self.rules.append(check)
        return check

    @cached_property
    def ports(self) -> dict[str, Port]:
        """The inputs by name."""
        return {p.name: p for p in self.inputs if not p.many}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the inputs that have no default."""
        return tuple(p.name for p in self.inputs if p.required)

    @cached_property
    def rest(self) -> Port | None:
        """The port that takes inputs of any name."""
        return next((p for p in self.inputs if p.many), None)

    @cached_property
    def lazy(self) -> frozenset[str]:
        """Names of the inputs that are computed only when awaited."""
        return frozenset(p.name for p in self.inputs if p.lazy)

    @cached_property
    def slots(self) -> dict[str, int]:
        """The outputs' positions by name."""
        return {p.name: i for i, p in enumerate(self.outputs)}

    @cached_property
    def title(self) -> str:
        """The docstring's first line, or the function's name."""
        return self.doc.partition("\n")[0].rstrip(".") or self.id.rpartition(".")[2]

    @cached_property
    def salt(self) -> bytes:
        """What of the code enters a cache key: the id, the version and the syntax tree."""
        return b"%s|%d|%s" % (self.id.encode(), self.version, fingerprint(self.fn))


def _has_context(args: tuple[Any, ...]) -> bool:
    return any(isinstance(a, Context) for a in args)


def fingerprint(fn: Callable[..., Any]) -> bytes:
    """Hash what a function does: its syntax, without decorators, docstring or formatting."""
    try:
        tree: Any = ast.parse(textwrap.dedent(inspect.getsource(fn))).body[0]
        tree.decorator_list = []
        if ast.get_docstring(tree) is not None:
            tree.body.pop(0)
        source = ast.unparse(tree).encode()
    except (OSError, TypeError, SyntaxError, IndexError, AttributeError):  # no source to be had
        code = getattr(fn, "__code__", None)
        source = repr((code.co_code, code.co_consts) if code else fn).encode()
    return hashlib.blake2b(source, digest_size=16).digest()


def default_id(fn: Callable[..., Any]) -> str:
    """The id of a function's node: its module (ours without `lovebird.nodes`) and its name."""
    return f"{fn.__module__}.{fn.__name__}".removeprefix("lovebird.nodes.")


def _port(name: str, hint: Any, default: Any, many: bool = False) -> Port:
    widget = None
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        widget = next((e for e in extras if isinstance(e, Widget)), None)
    lazy = get_origin(hint) is Lazy
    hint = get_args(hint)[0] if lazy else hint
    if widget is None and get_origin(hint) is Literal:
        widget = Choice(tuple(map(str, get_args(hint))))
    return Port(name, hint, widget, default, lazy, many)


def _ports(fn: Callable[..., Any], hints: dict[str, Any]) -> tuple[list[Port], str | None]:
    ports, context = [], None
    for p in inspect.signature(fn).parameters.values():
        if p.name not in hints:
            raise TypeError(f"{fn.__qualname__}: parameter {p.name!r} needs a type annotation")
        if hints[p.name] is Context:
            context = p.name
        elif p.kind is p.VAR_POSITIONAL:
            raise TypeError(f"{fn.__qualname__}: *{p.name} can't be a socket; use **{p.name}")
        else:
            ports.append(_port(p.name, hints[p.name], p.default, p.kind is p.VAR_KEYWORD))
    return ports, context


def _returns(hint: Any) -> tuple[Port, ...]:
    if hint is None or hint is type(None):
        return ()
    if hasattr(hint, "_fields"):
        hints = get_type_hints(hint, include_extras=True)
        return tuple(_port(n, t, REQUIRED) for n, t in hints.items())
    return (_port("out", hint, REQUIRED),)


def _kind(fn: Callable[..., Any], returned: Any) -> tuple[Kind, Any]:
    origin = get_origin(returned)
    if origin is AsyncGenerator or inspect.isasyncgenfunction(fn):
        raise TypeError(f"{fn.__qualname__}: an async generator can't return its output; use def")
    if origin is Generator:
        return "stream", get_args(returned)[2]
    return ("async" if inspect.iscoroutinefunction(fn) else "sync"), returned


def read(fn: Callable[..., Any], **options: Any) -> NodeType[..., Any]:
    """Read a function's signature and docstring into a node type; raises TypeError."""
    hints = get_type_hints(fn, include_extras=True)
    kind, returned = _kind(fn, hints.pop("return", None))
    if get_origin(returned) in (typing.Union, types.UnionType):  # `-> int | Expand`
        parts = [a for a in get_args(returned) if getattr(a, "__name__", "") != "Expand"]
        returned = parts[0] if len(parts) == 1 else returned
    ports, context = _ports(fn, hints)
    if any(p.lazy for p in ports) and kind != "async":
        raise TypeError(f"{fn.__qualname__}: a node with lazy inputs must be an async function")
    doc = inspect.getdoc(fn) or ""
    options["id"] = options.get("id") or default_id(fn)
    outputs = options.pop("outputs", None)
    outputs = _returns(returned) if outputs is None else outputs
    return NodeType(
        fn=fn, inputs=tuple(ports), outputs=outputs, doc=doc, kind=kind, context=context, **options
    )


class Decorator(typing.Protocol):
    """`@node(...)`: keeps the function's signature, less a leading Context."""

    @overload
    def __call__(self, fn: Callable[Concatenate[Context, P], R], /) -> NodeType[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> NodeType[P, R]: ...


@overload
def node(fn: Callable[Concatenate[Context, P], R], /) -> NodeType[P, R]: ...
@overload
def node(fn: Callable[P, R], /) -> NodeType[P, R]: ...
@overload
def node(
    *,
    id: str | None = None,
    lane: str = "cpu",
    version: int = 1,
    pure: bool = True,
    was: tuple[str, ...] = (),
) -> Decorator: ...
def node(fn: Any = None, /, **options: Any) -> Any:
    """Turn a typed function into a node type.

    `lane` is where it runs: "gpu" (one thread a device: whatever runs a model), "cpu", "io"
    (files), or "inline" (trivial; runs in the engine's own loop). `pure=False` runs it every
    time it is asked. `version` goes up when the same inputs give something else; then add a
    migration if inputs changed. `was` lists former ids.
    """
    if fn is None:
        return lambda f: read(f, **options)
    return read(fn)
