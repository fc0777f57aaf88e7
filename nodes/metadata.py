"""A workflow inside the file that it made: one interface for every format that can carry one.

Reading needs neither torch nor diffusers. A key, a user name or an absolute path never gets in.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any, Protocol

from ..graph.errors import NodeError

KEY = "lovebird"
LIMIT = 64 * 2**20
SIGNATURE = b"\x89PNG\r\n\x1a\n"
SECRET = re.compile(
    r"(api[_-]?key|token|secret|password|passwd|authorization|credential)s?$", re.IGNORECASE
)
ABSOLUTE = re.compile(r"^(/(?!/)[^\s]+|[A-Za-z]:[\\/].*|\\\\.*|~[/\\].*|file://.*)$")


class Carrier(Protocol):
    """A file format that can carry a workflow."""

    suffixes: tuple[str, ...]

    def embed(self, data: bytes, text: str) -> bytes:
        """The file with `text` in it, in place of what it carried before."""
        ...

    def extract(self, path: Path) -> str | None:
        """The text in the file, or None."""
        ...


class Png:
    """PNG: an uncompressed iTXt chunk; Pillow can't read back compressed ones over 1 MiB."""

    suffixes: tuple[str, ...] = (".png",)

    def embed(self, data: bytes, text: str) -> bytes:
        """Put the chunk before the pixels, where readers find it first."""
        if not data.startswith(SIGNATURE):
            raise NodeError("that is no PNG file")
        body = KEY.encode() + b"\0\0\0\0\0" + text.encode()
        chunk = _chunk(b"iTXt", body)
        kept = [(kind, part) for kind, part in _chunks(data) if not _is_ours(kind, part)]
        return SIGNATURE + b"".join(
            _chunk(kind, part) + (chunk if kind == b"IHDR" else b"") for kind, part in kept
        )

    def extract(self, path: Path) -> str | None:
        """Walk the chunks up to the end, skipping the pixels."""
        size = path.stat().st_size
        with path.open("rb") as file:
            if file.read(8) != SIGNATURE:
                return None
            while len(head := file.read(8)) == 8:
                length, kind = struct.unpack(">I4s", head)
                if length > size:
                    return None
                if kind != b"iTXt" or length > LIMIT:
                    file.seek(length + 4, 1)
                    continue
                body = file.read(length)
                file.seek(4, 1)
                if _is_ours(kind, body):
                    return _text(body)
        return None


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        found.append((kind, data[at + 8 : at + 8 + length]))
        at += length + 12
    return found


def _is_ours(kind: bytes, body: bytes) -> bool:
    return kind == b"iTXt" and body.startswith(KEY.encode() + b"\0")


def _text(body: bytes) -> str | None:
    """The text of an iTXt body: keyword, flag, method, language, translated keyword, text."""
    rest = body[len(KEY) + 1 :]
    if rest[:1] != b"\0":  # compressed: none of ours is
        return None
    parts = rest[2:].split(b"\0", 2)
    try:
        return parts[2].decode() if len(parts) == 3 else None
    except UnicodeDecodeError:
        return None


CARRIERS: list[Carrier] = [Png()]


def carrier(path: Path) -> Carrier | None:
    """The format of a file by its suffix, if it can carry a workflow."""
    return next((c for c in CARRIERS if path.suffix.lower() in c.suffixes), None)


def extract(path: Path) -> str | None:
    """The workflow that a file carries, as JSON text, or None."""
    try:
        return next((t for c in CARRIERS if (t := c.extract(path)) is not None), None)
    except OSError as e:
        raise NodeError(f"can't read {path.name}: {e.strerror}") from None


def embed(path: Path, data: bytes, text: str) -> bytes:
    """The content of `path` with a workflow in it; raises NodeError if it can't carry one."""
    form = carrier(path)
    if form is None:
        raise NodeError(f"{path.suffix or path.name} files can't carry a workflow")
    return form.embed(data, text)


def document(workflow: Any) -> str | None:
    """The workflow of a run as compact JSON, without paths of this machine or secrets; or None."""
    if workflow is None:
        return None
    data = workflow.data() if hasattr(workflow, "data") else workflow
    return json.dumps(_clean(data), ensure_ascii=False, separators=(",", ":"))


def _clean(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _clean(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_clean(v, name) for v in value]
    if isinstance(value, str) and SECRET.search(name):
        return ""
    if isinstance(value, str) and "\n" not in value and ABSOLUTE.match(value):
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return value
