"""Inputs given on a command line or in a table: text, read as the socket it is for wants it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..graph.errors import WorkflowError, did_you_mean
from ..graph.jsontext import parse
from ..graph.literal import MISSING, coerce, shorten
from ..graph.literal import problem as literal_problem
from ..graph.node import NodeType, Port
from ..graph.widgets import Seed
from ..graph.workflow import Entry, Workflow, as_link
from .console import UsageProblem

Nodes = Mapping[str, NodeType[..., Any]]


def split(setting: str) -> tuple[str, str]:
    """Split `node.input=value`; raises UsageProblem."""
    address, equals, text = setting.partition("=")
    if not equals:
        raise UsageProblem(f"--set {setting}: write node.input=value, such as prompt.text='a cat'")
    return address.strip(), text


def find(workflow: Workflow, nodes: Nodes, address: str) -> tuple[Entry, Port | None]:
    """The node at `node.input`, and the input's port if the type is known; raises UsageProblem."""
    id, _, name = address.partition(".")
    if not id or not name:
        raise UsageProblem(f"{address!r} is no address; write node.input, such as prompt.text")
    entry = workflow.nodes.get(id)
    if entry is None:
        known = ", ".join(list(workflow.nodes)[:20])
        hint = did_you_mean(id, workflow.nodes)
        raise UsageProblem(f"there is no node {id!r} for {address}{hint} (nodes: {known})")
    type = nodes.get(entry.type)
    if type is None:
        return entry, None
    port = type.ports.get(name) or type.rest
    if port is None:
        known = ", ".join(type.ports) or "none"
        hint = did_you_mean(name, type.ports)
        raise UsageProblem(f"{id} ({type.id}) has no input {name!r}{hint} (inputs: {known})")
    return entry, port


def assign(workflow: Workflow, nodes: Nodes, address: str, value: Any) -> None:
    """Set the input at `node.input`. Text is read as the socket wants it; raises UsageProblem."""
    entry, port = find(workflow, nodes, address)
    name = address.partition(".")[2]
    if port is None:
        value = guess(value) if isinstance(value, str) else value
    elif as_link(parsed := guess(value) if isinstance(value, str) else value):
        value = parsed
    else:
        value = fit(value, port, name in entry.mapped, address)
    workflow.set(address, value)


def fit(value: Any, port: Port, mapped: bool, address: str) -> Any:
    """Read a value for a port and check it; raises UsageProblem that says what was wanted."""
    fixed = read(value, list[port.type] if mapped else port.type)
    given = value if fixed is MISSING else fixed
    if mapped and not isinstance(given, list):
        raise UsageProblem(f"{address}: {shorten(value)} came; a list was wanted, such as [1, 2]")
    for item in given if mapped else [given]:
        if wanted := literal_problem(item, port):
            raise UsageProblem(f"{address}: {shorten(item)} came; {wanted} was wanted")
    return given


def read(value: Any, hint: Any) -> Any:
    """The value for a socket of type `hint`: its JSON if the socket takes that, else the text.

    Text for a text socket stays as it is: `1` is "1", and quotes are part of it. MISSING if
    neither will do.
    """
    if not isinstance(value, str):
        return value if coerce(value, hint) is not MISSING else MISSING
    parsed = guess(value)
    if hint is Any:
        return parsed
    candidates = (parsed, value) if not isinstance(parsed, str) else (value, parsed)
    return next((c for c in candidates if coerce(c, hint) is not MISSING), MISSING)


def guess(text: str) -> Any:
    """What the text is as JSON, or the text itself."""
    try:
        return parse(text)
    except WorkflowError:
        return text


def seed_all(workflow: Workflow, nodes: Nodes, seed: int) -> None:
    """Set every seed that is not linked; raises UsageProblem if there is none."""
    if wanted := Seed().problem(seed):
        raise UsageProblem(f"--seed {seed}: {wanted} was wanted")
    found = False
    for id, entry in list(workflow.nodes.items()):
        type = nodes.get(entry.type)
        for port in type.inputs if type else ():
            if not isinstance(port.widget, Seed) or port.many or port.name in entry.mapped:
                continue
            if as_link(entry.inputs.get(port.name)) is None:
                workflow.set(f"{id}.{port.name}", seed)
                found = True
    if not found:
        raise UsageProblem("--seed: no node of this workflow has a seed of its own to set")
