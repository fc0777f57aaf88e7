"""Values as arrays and JSON: what the disk cache stores, and how large and how intact a value is.

A value is a tree of dataclasses, lists, dicts, numbers and text with arrays as leaves. Only
dataclasses that a socket registers are ever made again: a cache file can't name a class of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from .socket import Sockets

PLAIN = frozenset({int, float, str, bool, type(None)})


class Unsaved(Exception):
    """The value holds something live (a model, a handle) that can't be stored."""


@dataclass(frozen=True)
class ArrayKind:
    """A library's arrays: how they become numpy and come back. torch's is in `nodes.tensors`.

    `stamp` gives a number that goes up when an array is changed in place, if the library counts.
    """

    name: str
    matches: Callable[[Any], bool]
    pack: Callable[[Any], tuple[np.ndarray, str]]
    unpack: Callable[[np.ndarray, str], Any]
    freeze: Callable[[Any], None] = lambda array: None
    stamp: Callable[[Any], int] = lambda array: 0


def _lock(array: np.ndarray) -> None:
    array.flags.writeable = False


NUMPY = ArrayKind(
    "numpy",
    lambda v: isinstance(v, np.ndarray),
    lambda v: (v, ""),
    lambda v, _: v,
    freeze=_lock,
)


class Packer:
    """Packs values made of the registered sockets and array kinds."""

    def __init__(self, sockets: Sockets, kinds: Iterable[ArrayKind] = ()):
        self.sockets = sockets
        self.kinds = {k.name: k for k in (NUMPY, *kinds)}

    def kind(self, value: Any) -> ArrayKind | None:
        """The array kind of a leaf, or None."""
        return next((k for k in self.kinds.values() if k.matches(value)), None)

    def leaves(self, value: Any) -> Iterator[tuple[Any, ArrayKind]]:
        """Every array in a value."""
        if type(value) in PLAIN:
            return
        if isinstance(value, list | tuple):
            for v in value:
                yield from self.leaves(v)
        elif isinstance(value, dict):
            yield from self.leaves(list(value.values()))
        elif kind := self.kind(value):
            yield value, kind
        elif self._saved(value):
            for f in fields(value):
                yield from self.leaves(getattr(value, f.name))

    def freeze(self, value: Any) -> None:
        """Make the arrays of a value read-only where the library can."""
        for array, kind in self.leaves(value):
            kind.freeze(array)

    def stamps(self, value: Any) -> list[int]:
        """What changes if a node alters an array in place that can't be made read-only."""
        return [kind.stamp(array) for array, kind in self.leaves(value)]

    def _saved(self, value: Any) -> bool:
        socket = self.sockets.by_type.get(type(value))
        return socket is not None and socket.saved and is_dataclass(value)

    def pack(self, value: Any) -> tuple[Any, dict[str, np.ndarray]]:
        """Give a value as a JSON tree and its arrays by number; raises Unsaved."""
        arrays: dict[str, np.ndarray] = {}
        return self._pack(value, arrays), arrays

    def _pack(self, value: Any, arrays: dict[str, np.ndarray]) -> Any:
        if type(value) in PLAIN:
            return value
        if type(value) in (list, tuple):
            return [self._pack(v, arrays) for v in value]
        if type(value) is dict:
            if not all(type(k) is str for k in value):
                raise Unsaved("a dict whose keys are not text")
            return {"dict": {k: self._pack(v, arrays) for k, v in value.items()}}
        if kind := self.kind(value):
            array, note = kind.pack(value)
            name = str(len(arrays))
            arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
            return {"array": name, "kind": kind.name, "note": note}
        if self._saved(value):
            parts = {f.name: self._pack(getattr(value, f.name), arrays) for f in fields(value)}
            return {"type": type(value).__name__, "fields": parts}
        raise Unsaved(type(value).__name__)

    def unpack(self, tree: Any, arrays: dict[str, np.ndarray]) -> Any:
        """Undo `pack`; raises KeyError, TypeError or ValueError for what `pack` never makes."""
        if type(tree) is list:
            return [self.unpack(v, arrays) for v in tree]
        if type(tree) is not dict:
            return tree
        if "dict" in tree:
            return {k: self.unpack(v, arrays) for k, v in tree["dict"].items()}
        if "array" in tree:
            return self.kinds[tree["kind"]].unpack(arrays[tree["array"]], tree["note"])
        socket = next(
            s for s in self.sockets.by_type.values() if s.name == tree["type"] and s.saved
        )
        return socket.type(**{k: self.unpack(v, arrays) for k, v in tree["fields"].items()})


def size(value: Any) -> int:
    """How many bytes a value holds, as far as one can tell."""
    if type(value) in PLAIN:
        return 32 + (len(value) if type(value) is str else 0)
    if isinstance(value, list | tuple):
        return 64 + sum(map(size, value))
    if isinstance(value, dict):
        return 64 + sum(map(size, value.values()))
    if isinstance(nbytes := getattr(value, "nbytes", None), int):
        return 128 + nbytes
    if is_dataclass(value):
        return 64 + sum(size(getattr(value, f.name)) for f in fields(value))
    return 64
