"""The plan of a run: integer indices, edges, and a key for every node.

A key says where a value comes from, never what is in it: the hash of the node's code and version,
its literals, and the keys of what feeds it (a Merkle tree). Equal keys mean equal values, in any
process and on any machine.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from typing import Any

from .errors import NodeError
from .step import Ref, Step, item_step
from .workflow import Given


def digest(*parts: bytes) -> bytes:
    """Hash parts to 16 bytes."""
    return hashlib.blake2b(b"\0".join(parts), digest_size=16).digest()


class Plan:
    """The steps that the targets need: integer indices, edges both ways, a key for every node.

    Nodes with equal keys would compute the same thing, so they share the index of the first.
    """

    __slots__ = (
        "aliases", "ids", "index", "items", "kept", "keys", "needs", "reads", "steps", "succ"
    )  # fmt: skip

    def __init__(self, graph: Mapping[str, Step], targets: Collection[str] | None = None):
        chosen = graph if targets is None else needed(graph, targets)
        self.ids = list(chosen)
        self.steps = [graph[i] for i in self.ids]
        self.index = {name: i for i, name in enumerate(self.ids)}
        self.keys = [b""] * len(self.ids)
        self.items: list[list[bytes] | None] = [None] * len(self.ids)
        self.aliases: dict[int, list[str]] = {}
        self.reads = self.needs = self._links()
        self.succ = self._feeds()
        self._order()
        if self.aliases or any(s.type.lazy for s in self.steps):
            self.reads = self._links()
            self.needs = [self._need(i) for i in range(len(self.ids))]
            self.succ = self._feeds()
        self.kept = self._kept()

    def _links(self) -> list[list[int]]:
        index = self.index
        return [[index[v.node] for v in s.inputs.values() if type(v) is Ref] for s in self.steps]

    def _need(self, i: int) -> list[int]:
        """Give what must be there before a node starts: all it reads but its lazy inputs."""
        step = self.steps[i]
        if not (lazy := step.type.lazy):
            return self.reads[i]
        links = ((k, v) for k, v in step.inputs.items() if type(v) is Ref)
        return [self.index[v.node] for k, v in links if k not in lazy or k in step.each]

    def _feeds(self) -> list[list[int]]:
        """Turn `needs` around: what waits for each node. Aliases wait for nothing."""
        feeds: list[list[int]] = [[] for _ in self.ids]
        for i, sources in enumerate(self.needs):
            if sources and self.index[self.ids[i]] == i:
                for j in sources:
                    feeds[j].append(i)
        return feeds

    def _order(self) -> None:
        """Give keys in Kahn's order; what feeds itself raises NodeError."""
        waiting = [len(sources) for sources in self.reads]
        order = [i for i, n in enumerate(waiting) if not n]
        first: dict[bytes, int] = {}
        for i in order:  # grows while we walk it
            key = self.keys[i] = self._key(self.steps[i])
            if self.steps[i].each:
                self.items[i] = self._item_keys(self.steps[i])
            same = first.setdefault(key, i)
            if same != i:
                self.index[self.ids[i]] = same
                self.aliases.setdefault(same, []).append(self.ids[i])
            for s in self.succ[i]:
                waiting[s] -= 1
                if not waiting[s]:
                    order.append(s)
        if len(order) < len(self.ids):
            stuck = [self.ids[i] for i, n in enumerate(waiting) if n]
            raise NodeError(f"the graph feeds itself around {', '.join(stuck[:5])}")

    def _kept(self) -> frozenset[int]:
        """Give what a lazy input may still ask for after its other readers are done."""
        todo = [j for i, s in enumerate(self.steps) if s.type.lazy
                for j in set(self.reads[i]) - set(self.needs[i])]  # fmt: skip
        kept: set[int] = set()
        while todo:
            if (i := todo.pop()) not in kept:
                kept.add(i)
                todo += self.reads[i]
        return frozenset(kept)

    def _key(self, step: Step) -> bytes:
        if not step.type.pure or isinstance(step.outside, BaseException):
            return os.urandom(16)
        parts = [step.type.salt]
        if step.each:
            parts.append(json.dumps([step.each, step.fold]).encode())
        if step.outside is not None:
            parts.append(b"outside=" + encode(step.outside))
        for name, value in step.inputs.items():
            parts += name.encode(), self.input_key(value)
        return digest(*parts)

    def input_key(self, value: Any) -> bytes:
        """What an input adds to a key: `<` and where it comes from, or `=` and the literal."""
        if type(value) is Ref:
            return b"<%s%d" % (self.keys[self.index[value.node]], value.out)
        if type(value) is Given:
            return b"<" + value.key
        return b"=" + encode(value)

    def _item_keys(self, step: Step) -> list[bytes] | None:
        """Keys of the runs of a mapped node, where the lists are known before anything runs."""
        if step.fold:
            return None
        columns = [self._column(step.inputs[name]) for name in step.each]
        known = [c for c in columns if c is not None]
        if len(known) < len(columns) or len({len(c) for c in known}) != 1:
            return None
        rows = [dict(zip(step.each, row, strict=True)) for row in zip(*known, strict=True)]
        items = (item_step(step, row, k, self.input_key) for k, row in enumerate(rows))
        return [self._key(item) for item in items]

    def _column(self, value: Any) -> list[Any] | None:
        if isinstance(value, list):
            return value
        if type(value) is Ref and (items := self.items[self.index[value.node]]) is not None:
            return [Given(None, b"%s%d" % (key, value.out)) for key in items]
        return None

    def item_key(self, value: Any, k: int) -> bytes:
        """Where item `k` of a mapped input comes from, for a Given."""
        if type(value) is Ref:
            source = self.index[value.node]
            if (items := self.items[source]) is not None:
                return b"%s%d" % (items[k], value.out)
        return self.input_key(value)[1:] + b"[%d]" % k


def encode(value: Any) -> bytes:
    """A literal as bytes, the same in every process."""
    if type(value) is int or value is None or type(value) is bool:
        return b"%s" % str(value).encode()
    try:
        return json.dumps(value, sort_keys=True).encode()
    except TypeError:  # a default that is no JSON, such as a dataclass
        return repr(value).encode()


def needed(graph: Mapping[str, Step], targets: Collection[str]) -> dict[str, None]:
    """The targets and all that feeds them, lazily or not."""
    seen = dict.fromkeys(targets)
    todo = list(seen)
    while todo:
        for value in graph[todo.pop()].inputs.values():
            if type(value) is Ref and value.node not in seen:
                seen[value.node] = None
                todo.append(value.node)
    return seen
