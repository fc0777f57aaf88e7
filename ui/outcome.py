"""What a run gave, for people and for programs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .progress import seconds

if TYPE_CHECKING:
    from ..graph.engine import Result

LONG = 2000


@dataclass
class Outcome:
    """A run that is over: outputs by address, files written, what ran, what failed."""

    outputs: dict[str, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    ran: dict[str, float] = field(default_factory=dict)
    cached: list[str] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    why: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether all that was asked for could be made."""
        return not self.failures

    def json(self) -> dict[str, Any]:
        """The outcome for a program."""
        names = ("outputs", "files", "ran", "cached", "failures", "seconds")
        data = {"ok": self.ok} | {name: getattr(self, name) for name in names}
        return data | ({"why": self.why} if self.why else {})

    def summary(self) -> str:
        """How it went, in a line."""
        failed = f", {len(self.failures)} failed" if self.failures else ""
        cached = f", {len(self.cached)} from the cache" if self.cached else ""
        nodes = "node" if len(self.ran) == 1 else "nodes"
        return f"{len(self.ran)} {nodes} ran{cached}{failed}; {seconds(self.seconds)}"


def outcome(result: Result, out: Path, why: bool = False) -> Outcome:
    """Read a result; `out` is where files go."""
    found = Outcome(ran=result.ran, cached=sorted(result.cached), seconds=result.seconds)
    for node, values in result.values.items():
        for name, value in zip(result.types[node].slots, values, strict=True):
            found.outputs[f"{node}.{name}"] = plain(value)
            found.files += [f for f in files_in(value, out) if f not in found.files]
    for failure in result.failures:
        found.failures.append({k: v for k, v in failure.json().items() if k != "traceback"})
        found.messages.append(str(failure))
    if why:
        nodes = dict.fromkeys([*(result.plan.index if result.plan else ()), *result.ran])
        found.why = {node: result.why(node) for node in nodes}
    return found


def plain(value: Any) -> Any:
    """A value as JSON: text and numbers as they are, pictures and tensors by their shape."""
    if value is None or isinstance(value, bool | int | str):
        return value if not isinstance(value, str) else str(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else repr(value)
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    return {"type": type(value).__name__} | shapes(value)


def shapes(value: Any) -> dict[str, Any]:
    """The shapes of the arrays in a value."""
    if (shape := getattr(value, "shape", None)) is not None:
        return {"shape": [int(n) for n in shape]}
    if is_dataclass(value):
        parts = {f.name: getattr(getattr(value, f.name), "shape", None) for f in fields(value)}
        return {name: [int(n) for n in shape] for name, shape in parts.items() if shape is not None}
    return {}


def files_in(value: Any, out: Path) -> list[str]:
    """The files under `out` that a value names."""
    if isinstance(value, list | tuple):
        return [f for v in value for f in files_in(v, out)]
    if isinstance(value, os.PathLike) or (isinstance(value, str) and 0 < len(value) < LONG):
        if "\0" in str(value) or "\n" in str(value):
            return []
        for path in (Path(value), out / value):
            if path.is_file() and out.resolve() in path.resolve().parents:
                return [near(path)]
    return []


def near(path: Path) -> str:
    """A path as seen from the current folder, if it is in there."""
    full, here = path.resolve(), Path.cwd().resolve()
    return str(full.relative_to(here) if here in full.parents else full)


def lines(found: Outcome) -> list[str]:
    """What a person wants to see: the files, and what nodes gave that wrote none."""
    told, saving = list(found.files), set()
    for address, value in found.outputs.items():
        names = value if isinstance(value, list) else [value]
        if names and all(_is_file(n, found.files) for n in names):
            saving.add(address.partition(".")[0])
    for address, value in found.outputs.items():
        if value is not None and address.partition(".")[0] not in saving:
            told.append(f"{address}: {_brief(value)}")
    return told


def _is_file(value: Any, files: list[str]) -> bool:
    return isinstance(value, str) and any(Path(f).name == Path(value).name for f in files)


def _brief(value: Any) -> str:
    if isinstance(value, dict) and "type" in value:
        arrays = (v for k, v in value.items() if k != "type" and isinstance(v, list))
        sizes = ", ".join(" x ".join(map(str, shape)) for shape in arrays)
        return f"{value['type']} {sizes} (not saved)".replace("  ", " ")
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONG else f"{text[:LONG]}… ({len(text):,} characters)"
