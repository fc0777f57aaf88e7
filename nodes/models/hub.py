"""The Hugging Face hub as a source of models: data only, of one commit that is pinned."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...graph.atomic import write_atomically
from ...graph.errors import NodeError
from .source import Found, Progress

REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
COMMIT = re.compile(r"[0-9a-f]{40}")
DATA = (".safetensors", ".json", ".txt", ".model")
UNUSED = ("safety_checker/", "feature_extractor/", "image_encoder/", "onnx/", "openvino/", "flax/")


def cache_folder() -> Path:
    """Where huggingface_hub keeps what it fetched; the library itself is slow to import."""
    if folder := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(folder)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HF_HOME") or Path(cache) / "huggingface") / "hub"


def split(name: str) -> tuple[str, str] | None:
    """`owner/model` or `owner/model/file.safetensors` as repository and file, or None."""
    owner, _, rest = name.partition("/")
    model, _, file = rest.partition("/")
    repo = f"{owner}/{model}"
    if not REPO.fullmatch(repo) or ".." in name or "\\" in name or "\0" in name:
        return None
    return repo, file


def wanted(files: Iterable[str], variant: str = "", configs_only: bool = False) -> list[str]:
    """The files of a repository in diffusers' layout that are of use: never code, never pickles.

    With `variant` (such as "fp16") those weights instead of the full ones, where there are any.
    """
    data = [f for f in files if f.endswith(DATA) and not f.startswith(UNUSED) and ".." not in f]
    if configs_only:
        return [f for f in data if not f.endswith((".safetensors", ".index.json"))]
    data = [f for f in data if "/" in f or not f.endswith(".safetensors")]
    has = {f.rpartition("/")[0] for f in data if variant and f".{variant}." in f}
    return [f for f in data if _right_variant(f, variant, f.rpartition("/")[0] in has)]


def _right_variant(file: str, variant: str, offered: bool) -> bool:
    name = file.rpartition("/")[2]
    if ".safetensors" not in name:
        return True
    kind = re.sub(r"-\d+-of-\d+", "", name).removesuffix(".index.json").split(".")
    found = kind[1] if len(kind) > 2 else ""
    return found == (variant if offered else "")


@dataclass(frozen=True)
class Hub:
    """Models of the hub that are in the local cache; `pull` fetches more."""

    endpoint: str | None = None
    name: str = "hub"

    def find(self, name: str) -> Found | None:
        """The cached model called `owner/model` or `owner/model/file`."""
        return self.at(name)

    def at(self, name: str, revision: str = "") -> Found | None:
        """The cached model at a commit, branch or tag: "main" if none is said."""
        if (parts := split(name)) is None:
            return None
        repo, file = parts
        folder = cache_folder() / f"models--{repo.replace('/', '--')}"
        commit = revision if COMMIT.fullmatch(revision) else _read_ref(folder, revision or "main")
        path = folder / "snapshots" / commit / file
        there = path.is_file() if file else (path / "model_index.json").is_file()
        return Found(name, path, self.name, commit) if commit and there else None

    def list(self) -> Iterable[Found]:
        """The cached models in diffusers' layout."""
        folders = sorted(glob.glob(str(cache_folder() / "models--*--*")))
        found = (self.at(Path(f).name[len("models--") :].replace("--", "/", 1)) for f in folders)
        return [model for model in found if model]

    def pull(
        self,
        name: str,
        progress: Progress | None = None,
        revision: str = "",
        variant: str = "",
        configs_only: bool = False,
    ) -> Found:
        """Fetch what `wanted` lists, of the commit that the revision is now; raises NodeError."""
        if (parts := split(name)) is None:
            raise NodeError(f"{name!r} is no name on the hub: 'owner/model' was wanted", "model")
        repo, file = parts
        try:
            commit, files = self._files(repo, revision)
            chosen = [file] if file else wanted(files, variant, configs_only)
            if file not in ("", *files) or not file.endswith((".safetensors", "")):
                raise NodeError(f"{repo} has no file {file!r}", "model")
            if not file and "model_index.json" not in files:
                raise NodeError(_no_index(repo, files), "model")
            folder = self._fetch(repo, commit, chosen, progress)
        except NodeError:
            raise
        except Exception as e:
            raise NodeError(_explain(e, name), "model") from None
        write_ref(repo, revision or "main", commit)
        return Found(name, folder / file, self.name, commit)

    def _files(self, repo: str, revision: str) -> tuple[str, list[str]]:
        from huggingface_hub import HfApi

        info = HfApi(endpoint=self.endpoint).model_info(repo, revision=revision or None, timeout=20)
        if not info.sha or not COMMIT.fullmatch(info.sha):
            raise NodeError(f"the hub gave no commit for {repo}; it can't be pinned", "model")
        return info.sha, [s.rfilename for s in info.siblings or ()]

    def _fetch(self, repo: str, commit: str, files: list[str], progress: Progress | None) -> Path:
        from huggingface_hub import snapshot_download

        folder = snapshot_download(
            repo,
            revision=commit,
            cache_dir=cache_folder(),
            allow_patterns=[glob.escape(f) for f in files],
            tqdm_class=_reporter(progress),
            endpoint=self.endpoint,
        )
        return Path(str(folder))


def _read_ref(folder: Path, revision: str) -> str:
    if ".." in revision or "\0" in revision:
        return ""
    try:
        commit = (folder / "refs" / revision).read_text().strip()
    except OSError:
        return ""
    return commit if COMMIT.fullmatch(commit) else ""


def write_ref(repo: str, revision: str, commit: str) -> None:
    """Remember which commit a branch was, as huggingface_hub does, for when there is no network."""
    if COMMIT.fullmatch(revision) or ".." in revision or "\0" in revision:
        return
    path = cache_folder() / f"models--{repo.replace('/', '--')}" / "refs" / revision
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, commit.encode())


def _reporter(progress: Progress | None) -> Any:
    if progress is None:
        return None
    from huggingface_hub.utils import tqdm

    class Reporter(tqdm):
        def update(self, n: float | None = 1) -> Any:
            shown = super().update(n)
            if getattr(self, "unit", "") == "B" and self.total:
                progress(int(self.n), int(self.total))
            return shown

    return Reporter


def _no_index(repo: str, files: list[str]) -> str:
    weights = [f for f in files if f.endswith(".safetensors") and "/" not in f][:5]
    if weights:
        return f"{repo} holds single checkpoints; name one, such as '{repo}/{weights[0]}'"
    return f"{repo} is no diffusers model: it has no model_index.json and no .safetensors file"


def _explain(error: Exception, name: str) -> str:
    kind = type(error).__name__
    if kind == "GatedRepoError":
        return f"{name} asks for consent to its licence: give it on its page, then `hf auth login`"
    if kind == "RepositoryNotFoundError":
        return (
            f"the hub has no model {name!r}, or it is private: check the name, or `hf auth login`"
        )
    if kind == "RevisionNotFoundError":
        return f"{name} has no such revision"
    return (
        f"{name} is not on this machine and the hub can't be reached ({kind}). Run `lovebird "
        f"models pull {name}` while there is a connection, or put its folder into models/"
    )
