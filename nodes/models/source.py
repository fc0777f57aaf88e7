"""Where models come from: shipped with a plugin, a folder of the user's, the Hugging Face hub.

Listing and finding touch only file names and small JSON files: no torch, no network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ...graph.errors import NodeError, did_you_mean
from ...graph.roots import Roots, inside

Progress = Callable[[int, int], None]
"""(bytes done, bytes in all)"""


@dataclass(frozen=True)
class Found:
    """A model that is on this machine."""

    name: str
    path: Path
    """A folder in diffusers' layout, or one checkpoint file."""
    source: str = ""
    revision: str = ""
    """The commit, for a model from the hub: then its content is known without reading it."""
    licence: str = ""
    description: str = ""


@runtime_checkable
class Source(Protocol):
    """A place that models come from."""

    @property
    def name(self) -> str:
        """What the place is called."""
        ...

    def find(self, name: str) -> Found | None:
        """The model called `name`, if it is there."""
        ...

    def list(self) -> Iterable[Found]:
        """All models that are there."""
        ...


@dataclass(frozen=True)
class Folder:
    """Models by name in known places: what a plugin returns from `register_model_sources`.

    `models` maps names to folders; `about` maps names to descriptions.
    """

    name: str
    models: Mapping[str, Path]
    about: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""

    def find(self, name: str) -> Found | None:
        """The model called `name`, if its folder is there."""
        path = self.models.get(name)
        if path is None or not path.exists():
            return None
        about = self.about.get(name, "")
        return Found(name, path, self.name, licence=self.licence, description=about)

    def list(self) -> Iterable[Found]:
        """The models whose folders are there."""
        return [found for name in self.models if (found := self.find(name))]


@dataclass(frozen=True)
class Local:
    """The user's own models: folders with a `model_index.json`, and checkpoint files."""

    roots: tuple[Path, ...]
    name: str = "local"

    def find(self, name: str) -> Found | None:
        """The folder or file `name` under one of the roots; `.safetensors` may be left out."""
        for root in self.roots:
            for path in (inside(root, name), inside(root, f"{name}.safetensors")):
                if path.is_file() or (path / "model_index.json").is_file():
                    return Found(name, path, self.name)
        return None

    def list(self) -> Iterable[Found]:
        """Models in the roots and in their folders."""
        return [Found(n, p, self.name) for root in self.roots for n, p in _scan(root, 2)]


def _scan(root: Path, depth: int, prefix: str = "") -> Iterable[tuple[str, Path]]:
    try:
        entries = sorted(os.scandir(root), key=lambda e: e.name)
    except OSError:
        return
    for entry in entries:
        name, path = prefix + entry.name, Path(entry.path)
        if entry.is_file() and path.suffix == ".safetensors":
            yield name.removesuffix(".safetensors"), path
        elif entry.is_dir() and (path / "model_index.json").is_file():
            yield name, path
        elif entry.is_dir() and depth > 1:
            yield from _scan(path, depth - 1, f"{name}/")


_offered: list[Source] = []
"""What the plugins offered when they were last asked: the editor's list has no hooks to ask."""


def sources(roots: Roots, hooks: Any = None) -> list[Source]:
    """All sources, in the order they are asked: the plugins', the user's folders, the hub."""
    from .hub import Hub

    if hooks is not None:
        _offered[:] = [source for answer in hooks.register_model_sources() for source in answer]
    return [*_offered, Local(roots.models), Hub()]


def listed(roots: Roots | None = None, hooks: Any = None) -> list[Found]:
    """Every model on this machine, each name once."""
    found: dict[str, Found] = {}
    for source in sources(roots or Roots(), hooks):
        for model in source.list():
            found.setdefault(model.name, model)
    return list(found.values())


def names() -> list[str]:
    """The names that the editor offers."""
    return [model.name for model in listed()]


def find(name: str, roots: Roots, hooks: Any = None, revision: str = "") -> Found | None:
    """The model called `name` on this machine, or None."""
    from .hub import Hub

    for source in sources(roots, hooks):
        found = source.at(name, revision) if isinstance(source, Hub) else source.find(name)
        if found:
            return found
    return None


def get(
    name: str,
    roots: Roots,
    hooks: Any = None,
    revision: str = "",
    variant: str = "",
    progress: Progress | None = None,
) -> Found:
    """The model called `name`, fetched from the hub if it isn't here; raises NodeError."""
    if not name.strip():
        raise NodeError("no model was named: choose one", "model")
    if found := find(name, roots, hooks, revision):
        return found
    if "/" not in name:
        known = [m.name for m in listed(roots, hooks)]
        hint = did_you_mean(name, known) or f"; there are: {', '.join(known[:20]) or 'none'}"
        folder = roots.models[0].name if roots.models else "models"
        raise NodeError(
            f"there is no model {name!r}{hint.rstrip('?')}. Put its folder or .safetensors file "
            f"into {folder}/, or give a name on the Hugging Face hub such as 'owner/model'",
            "model",
        )
    return pull(name, progress, revision=revision, variant=variant)


def pull(
    name: str,
    progress: Progress | None = None,
    *,
    revision: str = "",
    variant: str = "",
    configs_only: bool = False,
) -> Found:
    """Fetch a model from the hub, or go on with an interrupted download; raises NodeError."""
    from .hub import Hub

    return Hub().pull(name, progress, revision, variant, configs_only)
