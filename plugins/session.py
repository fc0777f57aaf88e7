"""An engine with all that is installed: plugins, cache on disk, threads, folders, device."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..graph.errors import NodeError, WorkflowError
from ..graph.roots import Roots
from ..graph.workflow import SIZE, Workflow
from .manager import Plugins

if TYPE_CHECKING:
    from ..graph.cache import Cache
    from ..graph.engine import Engine, Result
    from ..graph.events import Watcher
    from ..graph.store import Store

MEMORY = 2 * 2**30
PNG = b"\x89PNG\r\n\x1a\n"


def default_cache() -> Path:
    """Where results are kept between runs: `LOVEBIRD_CACHE`, else the user's cache folder."""
    if chosen := os.environ.get("LOVEBIRD_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(base or Path.home() / ".cache") / "lovebird"


def best_device() -> str:
    """The device to run models on. torch is asked (two seconds) only where there may be a GPU."""
    signs = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
    likely = sys.platform == "darwin" or any(map(os.path.exists, signs))
    if not likely and not shutil.which("nvidia-smi"):
        return "cpu"
    try:
        import torch
    except ImportError:
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def open_engine(
    *,
    roots: Roots | None = None,
    cache_dir: str | Path | None = None,
    device: str | None = None,
    off: Collection[str] = (),
    memory: int = MEMORY,
    disk: bool = True,
    cache: Cache | None = None,
    plugins: Plugins | None = None,
) -> Engine:
    """Make an engine of everything installed.

    `roots` are the folders that workflows may use; `cache_dir` is where results are kept between
    runs (`disk=False` for nowhere) and `memory` how many bytes of them stay in memory; `device`
    is a torch device such as "cuda:1" (by default the best there is); `off` names plugins to
    leave out. `cache` and `plugins` replace what would be made of these.
    """
    from ..graph.cache import Cache
    from ..graph.context import Context
    from ..graph.engine import Engine
    from ..graph.lanes import Lanes

    found = plugins or Plugins.load(off)
    context = Context(device=device or best_device(), roots=roots or Roots(), hooks=found.hook)
    engine = Engine(
        found.nodes,
        found.sockets,
        cache=cache or Cache(memory),
        lanes=Lanes(started=lambda lane: found.tell("lane_started", lane=lane)),
        context=context,
        arrays=found.arrays,
    )
    if disk and cache is None:
        engine.cache = Cache(memory, disk_store(cache_dir, engine.packer))
    return engine


def disk_store(cache_dir: str | Path | None = None, packer: Any = None) -> Store:
    """The cache on disk; without a packer only good for its size and for clearing it."""
    from ..graph.store import Store

    return Store(Path(cache_dir) if cache_dir else default_cache(), packer)


def load(path: str | Path) -> Workflow:
    """Read a workflow from a file, a picture that carries one, or `-` (standard input).

    Raises WorkflowError.
    """
    if str(path) == "-":
        return Workflow.read(sys.stdin.buffer.read(SIZE + 1), "standard input")
    path = Path(path)
    try:
        if path.is_dir():
            raise WorkflowError(f"{path} is a folder; name a workflow file in it")
        with path.open("rb") as file:
            start = file.read(len(PNG))
    except OSError as e:
        raise WorkflowError(f"can't read {path}: {e.strerror}") from None
    except ValueError:  # a NUL in the name
        raise WorkflowError(f"can't read {str(path)!r}: no such file") from None
    return _carried(path) if start == PNG else Workflow.load(path)


def _carried(path: Path) -> Workflow:
    from ..nodes.metadata import extract

    try:
        text = extract(path)
    except NodeError as e:
        raise WorkflowError(str(e)) from None
    if text is None:
        raise WorkflowError(f"{path.name} is a picture that carries no workflow")
    return Workflow.read(text, path.name)


def run(
    workflow: Workflow | str | Path,
    values: Mapping[str, Any] | None = None,
    *,
    targets: Collection[str] | None = None,
    watch: Watcher | None = None,
    engine: Engine | None = None,
    **options: Any,
) -> Result:
    """Run a workflow, or the file that holds it, with some inputs changed.

    `lovebird.run("lovebird.json", {"prompt.text": "a happy lovebird"})["save"]` is what the node
    `save` gave. `engine` is used if given, else one is opened with `options` (see `open_engine`)
    and closed again: open one yourself for several runs, so that models stay loaded. Raises
    WorkflowError for what is no workflow, RunFailed if a target could not be made.
    """
    document = workflow if isinstance(workflow, Workflow) else load(workflow)
    document = document.model_copy(deep=False)
    document.nodes = dict(document.nodes)
    for address, value in (values or {}).items():
        document.set(address, value)
    if engine is not None:
        return engine.run(document, targets, watch)
    engine = open_engine(**options)
    try:
        return engine.run(document, targets, watch)
    finally:
        engine.close()
