"""What a running node may ask of the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from .errors import Cancelled
from .roots import Roots

T = TypeVar("T")


class Lazy(Generic[T]):
    """An input that is computed only if the node awaits it: `yes: Lazy[Image]`, `await yes`."""

    def __init__(self, get: Callable[[], Awaitable[T]]):
        self._get = get

    def __await__(self) -> Generator[Any, None, T]:
        return self._get().__await__()


def _ignore(*_: Any) -> None:
    """Take an event that nobody watches."""


@dataclass(slots=True)
class Context:
    """One node's view of the run it is in; `Context()` serves for calling a node by hand."""

    node: str = ""
    device: str = "cpu"
    """The torch device of this lane: "cpu", "cuda", "cuda:1", "mps"."""
    roots: Roots = field(default_factory=Roots)
    hooks: Any = None
    """The plugins' hooks (pluggy's relay): `ctx.hooks.register_model_sources()`."""
    workflow: Any = None
    """The document being run, with this run's values: what a saved file carries."""
    emit: Callable[[str, dict[str, Any]], None] = _ignore
    stopped: Callable[[], bool] = bool
    watched: bool = False
    """Whether anybody looks: a preview that is a function is called only then."""

    def progress(self, step: int, of: int, preview: Any = None) -> None:
        """Say how far the node is (`step` of `of` done).

        `preview` is a value that a person can look at, or a function that makes it, called only
        if somebody watches. Raises Cancelled if the user pressed stop.
        """
        self.check()
        if callable(preview):
            preview = preview() if self.watched else None
        self.emit("progress", {"step": step, "of": of, "preview": preview})

    def check(self) -> None:
        """Raise Cancelled if the user pressed stop."""
        if self.stopped():
            raise Cancelled

    def track(self, things: Iterable[T], preview: Callable[[], Any] | None = None) -> Iterator[T]:
        """Iterate with progress and cancellation, as tqdm would."""
        things = list(things)
        self.progress(0, len(things))
        for i, thing in enumerate(things, 1):
            yield thing
            self.progress(i, len(things), preview)

    def log(self, text: str) -> None:
        """Tell the watcher something that is worth knowing but no error."""
        self.emit("log", {"text": text})

    def rng(self, seed: int) -> np.random.Generator:
        """Numbers that depend on the seed alone: the global generators are shared by threads."""
        return np.random.default_rng(seed)
