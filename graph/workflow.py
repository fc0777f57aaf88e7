"""The saved document: what a workflow file holds, read and written without loss.

Unknown node types and unknown keys survive a round trip untouched, so that a graph always opens.
Writing is canonical: the same graph gives the same bytes. See docs/workflow-format.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import Token
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .atomic import write_atomically
from .errors import WorkflowError, did_you_mean
from .jsontext import dumps, parse
from .node import NodeType, recorder

FORMAT = 1
SIZE = 64 * 2**20
NAME = re.compile(r"[^\s.\"\\/<>]{1,120}")


class Link(NamedTuple):
    """The value on an output of another node, written `{"from": "node.output"}`."""

    node: str
    output: str

    def json(self) -> dict[str, str]:
        """The link as it stands in a file."""
        return {"from": f"{self.node}.{self.output}" if self.output else self.node}


class Given(NamedTuple):
    """A value that already exists, for graphs built while running; can't be saved."""

    value: Any
    key: bytes = b""


def as_link(value: Any) -> Link | None:
    """Read an input's value as a link, or None if it is a literal."""
    if type(value) is dict and len(value) == 1 and type(source := value.get("from")) is str:
        return _link(source)
    return None


@lru_cache(2**16)
def _link(source: str) -> Link:
    """Split an address; cached, since each link is read when checking and when planning."""
    node, _, output = source.partition(".")
    return Link(node, output)


class Entry(BaseModel):
    """One node: its type, the version it was saved with, literals and links by input name."""

    model_config = ConfigDict(extra="allow")

    type: str
    version: int = Field(default=1, ge=1)
    inputs: dict[str, Any] = {}
    each: str | list[str] = []
    """Inputs that are mapped over lists, together; every output becomes a list."""
    fold: dict[str, str] = {}
    """With `each`: inputs that take an output of the item before; the last one's are the result."""

    @property
    def mapped(self) -> tuple[str, ...]:
        """The inputs named by `each`."""
        if not self.each:
            return ()
        return (self.each,) if isinstance(self.each, str) else tuple(self.each)


class App(BaseModel):
    """The inputs and outputs that a form, an API endpoint or a tool is made of."""

    model_config = ConfigDict(extra="allow")

    inputs: list[str] = []
    outputs: list[str] = []


class Handle:
    """An output of a node in a workflow that is being built; attributes are its named outputs."""

    def __init__(self, node: str, type: NodeType[..., Any], output: str = ""):
        self._node, self._type, self._output = node, type, output

    def __getattr__(self, name: str) -> Handle:
        if name.startswith("_") or name not in self._type.slots:
            known = ", ".join(self._type.slots) or "none"
            raise AttributeError(f"{self._type.id} has no output {name!r}; it has {known}")
        return Handle(self._node, self._type, name)

    @property
    def link(self) -> Link:
        """The link that stands for this output; a node's first one if none was named."""
        return Link(self._node, self._output or next(iter(self._type.slots), ""))


class Workflow(BaseModel):
    """A graph of nodes with what an editor and an app need to know of it.

    Build one in code by calling nodes inside `with Workflow("name") as w:`, or by `w.add`.
    """

    model_config = ConfigDict(extra="allow")

    lovebird: int = FORMAT
    name: str = ""
    requires: dict[str, str] = {}
    nodes: dict[str, Entry] = {}
    app: App = App()
    view: dict[str, Any] = {}
    lock: dict[str, Any] = {}

    def __init__(self, name: str | None = None, /, **data: Any):
        super().__init__(**({"name": name} if name is not None else {}), **data)
        self._tokens: list[Token[Any]] = []

    def __enter__(self) -> Workflow:
        self._tokens.append(recorder.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        recorder.reset(self._tokens.pop())

    def add(self, type: NodeType[..., Any], id: str = "", /, **inputs: Any) -> Any:
        """Add a node; `id` defaults to its type's last word. Inputs are literals or handles."""
        id = id or self._free(type.id.rpartition(".")[2])
        if id in self.nodes:
            raise WorkflowError(f"there is a node {id!r} already; give this one another id")
        values = {k: _stored(v) for k, v in inputs.items()}
        self.nodes[id] = Entry.model_construct(
            type=type.id, version=type.version, inputs=values, each=[], fold={}
        )
        return Handle(id, type)

    def record(
        self, type: NodeType[..., Any], args: tuple[Any, ...], inputs: dict[str, Any]
    ) -> Any:
        """Add the node that was called inside `with`."""
        names = [p.name for p in type.inputs if not p.many]
        if len(args) > len(names):
            raise TypeError(f"{type.id} takes {len(names)} inputs, {len(args)} were given")
        return self.add(type, **dict(zip(names, args, strict=False)), **inputs)

    def map(self, handle: Any, *inputs: str, fold: Mapping[str, str] | None = None) -> Any:
        """Run a node once for each item of the lists on `inputs` (see `Entry.each`)."""
        entry = self.nodes[handle._node]
        entry.each, entry.fold = list(inputs), dict(fold or {})
        return handle

    def _free(self, word: str) -> str:
        ids = (f"{word}_{k}" if k > 1 else word for k in range(1, len(self.nodes) + 2))
        return next(i for i in ids if i not in self.nodes)

    def set(self, address: str, value: Any) -> None:
        """Set the literal at `node.input`; raises WorkflowError with the nearest name."""
        node, _, name = address.partition(".")
        if node not in self.nodes or not name:
            raise WorkflowError(f"no node for {address!r}{did_you_mean(node, self.nodes)}")
        entry = self.nodes[node]
        self.nodes[node] = entry.model_copy(update={"inputs": {**entry.inputs, name: value}})

    def text(self) -> str:
        """The document in its canonical form."""
        return dumps(self.data()) + "\n"

    def data(self) -> dict[str, Any]:
        """The document as plain JSON values; empty parts are left out."""
        nodes = {i: _entry_data(i, e) for i, e in sorted(self.nodes.items())}
        data: dict[str, Any] = {"lovebird": self.lovebird, "name": self.name}
        parts = {
            "requires": self.requires,
            "nodes": nodes,
            "app": {k: v for k, v in self.app.model_dump().items() if v},
            "view": self.view,
            "lock": self.lock,
        }
        data |= {k: v for k, v in parts.items() if v or k == "nodes"}
        return data | (self.model_extra or {})

    def save(self, path: str | Path) -> Path:
        """Write the document to `path`, all or nothing."""
        return write_atomically(Path(path), self.text().encode())

    @classmethod
    def load(cls, path: str | Path) -> Workflow:
        """Read a workflow file; raises WorkflowError."""
        path = Path(path)
        try:
            if path.stat().st_size > SIZE:
                raise WorkflowError(f"{path.name} is over {SIZE >> 20} MiB: no workflow")
            return cls.read(path.read_bytes(), path.name)
        except OSError as e:
            raise WorkflowError(f"can't read {path.name}: {e.strerror}") from None

    @classmethod
    def read(cls, text: str | bytes, name: str = "the workflow") -> Workflow:
        """Read a document from JSON; raises WorkflowError that names the place."""
        data = parse(text, name)
        if not isinstance(data, dict) or "lovebird" not in data or "nodes" not in data:
            raise WorkflowError(
                f'{name} is JSON but no workflow: it needs "lovebird": {FORMAT} and "nodes"'
            )
        version = data["lovebird"]
        if type(version) is not int or not 1 <= version <= FORMAT:
            raise WorkflowError(
                f"{name} is of format {version!r}; this lovebird reads 1 to {FORMAT}: update it"
            )
        try:
            workflow = cls.model_validate(data, strict=True)
        except ValidationError as e:
            raise WorkflowError(f"{name}: {_explain(e)}") from None
        for id in workflow.nodes:
            if not NAME.fullmatch(id):
                raise WorkflowError(f"{name}: {id[:60]!r} can't be a node's id: no dots or spaces")
        return workflow


def _entry_data(id: str, entry: Entry) -> dict[str, Any]:
    for name, value in entry.inputs.items():
        if isinstance(value, Given):
            raise WorkflowError(f"{id}.{name} holds a live value, which a file can't: use a link")
    data: dict[str, Any] = {"type": entry.type, "version": entry.version}
    if entry.inputs:
        data["inputs"] = dict(sorted(entry.inputs.items()))
    data |= {k: v for k, v in (("each", entry.each), ("fold", entry.fold)) if v}
    return data | (entry.model_extra or {})


def _stored(value: Any) -> Any:
    if isinstance(value, Handle):
        return value.link.json()
    if isinstance(value, Link):
        return value.json()
    if value is None or isinstance(value, str | int | float | bool | list | dict | Given):
        return value
    return Given(value)


def _explain(error: ValidationError) -> str:
    parts = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5]]
    return "; ".join(parts)


def schema() -> dict[str, Any]:
    """The JSON Schema of a workflow file."""
    return Workflow.model_json_schema()
