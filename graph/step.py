"""From a checked workflow to steps: coerced literals, defaults written in, links resolved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args, get_origin

from .errors import NodeError
from .literal import MISSING, coerce, shorten, takes_literals
from .node import NodeType, Port
from .socket import Sockets, type_name
from .workflow import Entry, Given, Link, Workflow, as_link

type_of = type
Origin = Callable[[str, str, Any], bytes]
"""Says where a live value comes from: (node, input, value) to a key."""


class Ref(NamedTuple):
    """The value on output `out` of another node, passed through `convert` if there is one."""

    node: str
    out: int = 0
    convert: Callable[[Any], Any] | None = None


class PerItem(list[Any]):
    """What `changed` said for each item of a mapped node."""


@dataclass(slots=True)
class Step:
    """One node to run: its type, and for each input a literal, a Ref or a Given."""

    type: NodeType[..., Any]
    inputs: dict[str, Any]
    each: tuple[str, ...] = ()
    fold: dict[str, str] = field(default_factory=dict)
    outside: Any = None
    """What the node's `changed` said, or the exception it raised."""


@dataclass(frozen=True, slots=True)
class Expand:
    """What a node returns to be replaced by a graph; `outputs` are handles or links in it."""

    graph: Workflow
    outputs: tuple[Any, ...]


@dataclass(frozen=True)
class Resolver:
    """Resolves nodes of one checked workflow."""

    workflow: Workflow
    nodes: Mapping[str, NodeType[..., Any]]
    sockets: Sockets
    origin: Origin

    def steps(self, ids: Collection[str]) -> dict[str, Step]:
        """Resolve the named nodes."""
        return {i: self.step(i, self.workflow.nodes[i]) for i in ids}

    def step(self, id: str, entry: Entry) -> Step:
        """Resolve one node, its inputs in the order of its sockets: the same for equal nodes."""
        type, given, mapped = self.nodes[entry.type], entry.inputs, entry.mapped
        inputs: dict[str, Any] = {}
        for port in type.inputs:
            name = port.name
            if name not in given:
                if not port.required and not port.many:
                    inputs[name] = port.default
            elif type_of(value := given[name]) is port.type and not mapped:
                inputs[name] = value  # the common case, made cheap
            else:
                inputs[name] = self.input(id, value, port, name in mapped)
        if type.rest:
            for name in sorted(given.keys() - type.ports.keys()):
                inputs[name] = self.input(id, given[name], type.rest, name in mapped)
        return Step(type, inputs, mapped, entry.fold)

    def input(self, id: str, value: Any, port: Port, mapped: bool) -> Any:
        """Resolve one input to a literal in its stored form, a Ref or a Given."""
        if link := as_link(value):
            return self._ref(link, port, mapped)
        if type(value) is Given:
            return value if value.key else Given(value.value, self.origin(id, port.name, value[0]))
        if port.type in (str, bool, int):
            return value
        fixed = coerce(value, list[port.type] if mapped else port.type)
        return value if fixed is MISSING else fixed

    def _ref(self, link: Link, port: Port, mapped: bool) -> Ref:
        source = self.workflow.nodes[link.node]
        type = self.nodes[source.type]
        slot = type.slots[link.output] if link.output else 0
        got = type.outputs[slot].type
        if got is port.type and port.widget is None:
            return Ref(link.node, slot)
        lists = bool(source.each and not source.fold)
        if lists and not mapped:
            got = list[got]
        elif mapped and not lists:
            got = get_args(got)[0] if get_origin(got) is list else Any
        return Ref(link.node, slot, arrival(got, port, mapped, self.sockets))


def arrival(got: Any, port: Port, mapped: bool, sockets: Sockets) -> Callable[[Any], Any] | None:
    """What a value goes through when it arrives: a conversion, and checks of what only runs tell.

    Those are values of unknown type, and linked values against the widget's range.
    """
    convert = sockets.converter(got, port.type)
    doubtful = got is Any or port.widget is not None
    if convert is None and not doubtful:
        return None

    def arrive(value: Any) -> Any:
        return admit(convert(value) if convert else value, port)

    return (lambda values: [arrive(v) for v in values]) if mapped else arrive


def admit(value: Any, port: Port) -> Any:
    """Let a linked value in; raises NodeError that says what came and what was wanted."""
    hint, wanted = port.type, None
    if hint is not Any and isinstance(hint, type):
        kinds = (int, float) if hint is float else hint
        wanted = None if isinstance(value, kinds) else type_name(hint)
    elif hint is not Any and takes_literals(hint) and coerce(value, hint) is MISSING:
        wanted = type_name(hint)
    if wanted is None and port.widget and value is not None:
        wanted = port.widget.problem(value)
    if wanted:
        plain = isinstance(value, int | float | str | bool)
        came = shorten(value) if plain else type(value).__name__
        raise NodeError(f"{came} came; {wanted} was wanted", port.name)
    return value


def item_step(
    step: Step, row: dict[str, Any], k: int, key: Callable[[Any], bytes], values: Any = None
) -> Step:
    """The step that runs a mapped node for item `k`: its row, and the other inputs as they are.

    `values` are the arrived inputs by name, or None if only the key is wanted.
    """
    inputs = {}
    for name, value in step.inputs.items():
        if name in row:
            inputs[name] = row[name]
        elif type(value) is Ref:
            inputs[name] = Given(values and values[name], key(value)[1:])
        else:
            inputs[name] = value
    outside = step.outside[k] if type(step.outside) is PerItem else step.outside
    return Step(step.type, inputs, outside=outside)
