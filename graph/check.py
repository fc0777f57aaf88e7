"""Checking a workflow: every problem at once, each with its address and remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args, get_origin

from .errors import did_you_mean
from .literal import problem as literal_problem
from .literal import shorten
from .node import NodeType, Port
from .socket import Sockets, type_name
from .workflow import Entry, Given, Link, Workflow, as_link

type_of = type
Nodes = Mapping[str, NodeType[..., Any]]


@dataclass(frozen=True)
class Problem:
    """What is wrong at one node or socket, what came, what was wanted, and what to do."""

    kind: str
    node: str
    socket: str | None
    text: str

    def __str__(self) -> str:
        place = f"{self.node}.{self.socket}" if self.socket else self.node
        return f"{place}: {self.text}"

    def json(self) -> dict[str, Any]:
        """The problem for a program."""
        return asdict(self)


class Checker:
    """Checks one workflow against the installed node types."""

    def __init__(self, workflow: Workflow, nodes: Nodes, sockets: Sockets):
        self.workflow, self.nodes, self.sockets = workflow, nodes, sockets
        self.problems: list[Problem] = []
        self.feeds: dict[str, list[str]] = {}
        self.reads: dict[str, list[str]] = {}

    def run(self) -> list[Problem]:
        """List every problem."""
        for id, entry in self.workflow.nodes.items():
            self.node(id, entry)
        self.cycles()
        return self.problems

    def add(self, kind: str, node: str, socket: str | None, text: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(kind, node, socket, text))

    def node(self, id: str, entry: Entry) -> None:
        """Check one node: its type, its inputs, its rules."""
        type = self.nodes.get(entry.type)
        if type is None:
            self._unknown(id, entry)
            for value in entry.inputs.values():  # a placeholder's links still count
                if (link := as_link(value)) and link.node in self.workflow.nodes:
                    self._edge(link.node, id)
            return
        if entry.version > type.version:
            self.add("newer", id, None, f"saved by version {entry.version} of {type.id}; "
                     f"version {type.version} is installed: update its plugin")  # fmt: skip
        mapped, ports = entry.mapped, type.ports
        for name, value in entry.inputs.items():
            port = ports.get(name) or type.rest
            if port is None:
                self.add("input", id, name, f"{type.id} has no input {name!r}"
                         f"{did_you_mean(name, type.ports)}")  # fmt: skip
            elif link := as_link(value):
                self.link(id, name, port, link, name in mapped)
            elif type_of(value) is port.type and port.widget is None and not mapped:
                continue  # the common case, made cheap
            elif not isinstance(value, Given):
                self.literal(id, name, port, value, name in mapped)
        for name in type.required:
            if name not in entry.inputs:
                port = ports[name]
                self.add("missing", id, name, f"nothing came; {type_name(port.type)} was "
                         "wanted: connect an output or give a value")  # fmt: skip
        if mapped or entry.fold:
            self.mapping(id, entry, type)
        for rule in type.rules:
            self.rule(id, entry, type, rule)

    def _unknown(self, id: str, entry: Entry) -> None:
        owner = entry.type.partition(".")[0]
        hint = did_you_mean(entry.type, self.nodes)
        self.add("unknown", id, None, f"no node type {entry.type!r} is installed{hint}"
                 f" (see `lovebird nodes`; a plugin named {owner!r} may offer it)")  # fmt: skip

    def _edge(self, source: str, target: str) -> None:
        self.feeds.setdefault(source, []).append(target)
        self.reads.setdefault(target, []).append(source)

    def link(self, id: str, name: str, port: Port, link: Link, mapped: bool) -> None:
        """Check where a link comes from and whether its type fits."""
        entry = self.workflow.nodes.get(link.node)
        if entry is None:
            hint = did_you_mean(link.node, self.workflow.nodes)
            self.add("link", id, name, f"linked to {link.node!r}, which is not there{hint}")
            return
        self._edge(link.node, id)
        source = self.nodes.get(entry.type)
        if source is None:
            return
        slot = source.slots.get(link.output, 0 if not link.output and source.slots else None)
        if slot is None:
            known = ", ".join(source.slots) or "none"
            hint = did_you_mean(link.output, source.slots)
            self.add("link", id, name, f"{source.id} has no output {link.output!r}{hint};"
                     f" it has: {known}")  # fmt: skip
            return
        got = source.outputs[slot].type
        if entry.mapped and not entry.fold:
            got = list[got]
        if not self._fits(got, port.type, mapped):
            wanted = list[port.type] if mapped else port.type
            self.add("type", id, name, f"{type_name(got)} came from {link.node}."
                     f"{source.outputs[slot].name}; {type_name(wanted)} was wanted")  # fmt: skip

    def _fits(self, got: Any, wanted: Any, mapped: bool) -> bool:
        if not mapped:
            return self.sockets.fits(got, wanted)
        if get_origin(got) is list:
            return self.sockets.fits(get_args(got)[0], wanted)
        return got in (Any, list)

    def literal(self, id: str, name: str, port: Port, value: Any, mapped: bool) -> None:
        """Check a literal, or each item of one that is mapped over."""
        if mapped and not isinstance(value, list):
            self.add("value", id, name, f"{shorten(value)} came; a list was wanted, since the "
                     "node runs once for each of its items")  # fmt: skip
            return
        for item in value if mapped else [value]:
            if wanted := literal_problem(item, port):
                self.add("value", id, name, f"{shorten(item)} came; {wanted} was wanted")
                return

    def mapping(self, id: str, entry: Entry, type: NodeType[..., Any]) -> None:
        """Check `each` and `fold`."""
        for name in entry.mapped:
            if name not in entry.inputs:
                self.add("each", id, name, "to be mapped over, but nothing came; give a list")
        if entry.fold and not entry.mapped:
            self.add("fold", id, None, "`fold` needs `each`: name the input to go through")
        for name, output in entry.fold.items():
            if name not in type.ports or output not in type.slots:
                known = f"inputs: {', '.join(type.ports)}; outputs: {', '.join(type.slots)}"
                self.add("fold", id, name, f"wanted: an input and an output of {type.id}; {known}")

    def rule(self, id: str, entry: Entry, type: NodeType[..., Any], rule: Any) -> None:
        """Ask a node's own rule about its literals."""
        literals = {k: v for k, v in entry.inputs.items() if as_link(v) is None}
        known = {p.name: p.default for p in type.inputs if not p.required and not p.many}
        names = rule.__code__.co_varnames[: rule.__code__.co_argcount]
        values = {k: v for k, v in (known | literals).items() if k in names}
        if len(values) < len(names):  # linked: known only when it runs
            return
        try:
            text = rule(**values)
        except Exception as e:
            text = f"its own check failed: {e.__class__.__name__}: {e}"
        if text:
            self.add("rule", id, None, text)

    def cycles(self) -> None:
        """Name each cycle, edge by edge."""
        waiting = {i: len(self.reads.get(i, ())) for i in self.workflow.nodes}
        order = [n for n, count in waiting.items() if not count]
        for node in order:  # grows while we walk it: Kahn's order
            for target in self.feeds.get(node, ()):
                waiting[target] -= 1
                if not waiting[target]:
                    order.append(target)
        left = waiting.keys() - set(order)
        if not left:
            return
        import networkx as nx  # slow to import, and most graphs have no cycle

        graph = nx.DiGraph((n, t) for n in left for t in self.feeds.get(n, ()) if t in left)
        for component in nx.strongly_connected_components(graph):
            if len(component) > 1 or graph.has_edge(*(list(component) * 2)):
                start = min(component)
                edges = nx.find_cycle(graph.subgraph(component), start)
                path = " -> ".join([*(a for a, _ in edges), edges[0][0]])
                self.add("cycle", start, None, f"feeds itself: {path}; remove one of these links")


def check(workflow: Workflow, nodes: Nodes, sockets: Sockets) -> list[Problem]:
    """List every problem of a workflow, or nothing."""
    return Checker(workflow, nodes, sockets).run()


def upgrade(workflow: Workflow, nodes: Nodes) -> Workflow:
    """Bring nodes saved under former ids or by older versions up to date."""
    former = {old: new for new, type in nodes.items() for old in type.was}
    fresh = {}
    for id, entry in workflow.nodes.items():
        name = entry.type if entry.type in nodes else former.get(entry.type, entry.type)
        type = nodes.get(name)
        if type is None or (name == entry.type and entry.version >= type.version):
            continue
        inputs = type.upgrade(entry.inputs, entry.version)
        changes = {"type": name, "inputs": inputs, "version": max(type.version, entry.version)}
        fresh[id] = entry.model_copy(update=changes)
    return workflow.model_copy(update={"nodes": {**workflow.nodes, **fresh}}) if fresh else workflow
