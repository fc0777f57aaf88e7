"""What may be opened as a model: safetensors and plain JSON, never a pickle, never code.

The first bytes of a file decide, not its suffix. Background: InvokeAI CVE-2024-12029 (torch.load
on a model that was installed), InvokeAI PR 2946 (the suffix chose the loader), diffusers
CVE-2026-44513 and transformers CVE-2026-4372 (a configuration that turned remote code on again).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ...graph.errors import NodeError

HEADER_LIMIT = 100 * 2**20
JSON_LIMIT = 4 * 2**20
CONVERT = (
    "Unpickling runs whatever code the file carries, so lovebird never does it. Get the "
    ".safetensors version of the model, or convert the file on a machine you can afford to lose"
)
BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}
CODE_KEYS = frozenset(
    {"auto_map", "trust_remote_code", "custom_pipeline", "custom_pipelines", "custom_revision"}
    | {"quantization_config", "_module", "code_revision"}
)
ATTENTION = frozenset({None, "eager", "sdpa", "flash_attention_2"})


def check_weights(path: Path) -> dict[str, Any]:
    """Check that a file is whole safetensors; return its header.

    Raises NodeError that says what the file is instead: a pickle under any name, a truncated
    download, a header that lies about the data behind it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(9)
        _refuse_other_kinds(head, path.name)
        length = int.from_bytes(head[:8], "little")
        file.seek(8)
        if size < 8 or not 2 <= length <= HEADER_LIMIT:
            raise NodeError(f"{path.name} is no safetensors file. {CONVERT}")
        if length > size - 8:
            raise NodeError(f"{path.name} is cut short within its header: download it again")
        text = file.read(length)
    header = _header(text, path.name)
    _check_tensors(header, size - 8 - length, path.name)
    return header


def _refuse_other_kinds(head: bytes, name: str) -> None:
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        raise NodeError(f"{name} is a zip of pickles (torch.save). {CONVERT}")
    if head[:1] == b"\x80" and head[8:] != b"{":
        raise NodeError(f"{name} is a pickle. {CONVERT}")
    if head[:4] == b"GGUF":
        raise NodeError(f"{name} is a GGUF file, which lovebird can't load: use .safetensors")


def _header(text: bytes, name: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise NodeError(
            f"{name} is no safetensors file: its header isn't JSON. {CONVERT}"
        ) from None
    if not isinstance(header, dict):
        raise NodeError(f"{name} is no safetensors file: its header lists no tensors")
    header.pop("__metadata__", None)
    return header


def _check_tensors(header: dict[str, Any], room: int, name: str) -> None:
    spans = []
    for key, entry in header.items():
        try:
            bits = BITS[entry["dtype"]] * math.prod(entry["shape"])
            start, end = entry["data_offsets"]
            if not 0 <= start <= end or (end - start) * 8 != bits:
                raise ValueError
        except (KeyError, TypeError, ValueError):
            raise NodeError(f"{name}: its header lies about the tensor {key[:80]!r}") from None
        spans.append((start, end))
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            raise NodeError(f"{name}: its header has tensors that overlap or leave holes")
        end = stop
    if end > room:
        raise NodeError(f"{name} is cut short: {room:,} of {end:,} bytes; download it again")
    if end < room:
        raise NodeError(f"{name} has {room - end:,} bytes that its header doesn't know of")


def read_json(path: Path) -> dict[str, Any]:
    """Read a model's JSON; raises NodeError if it is missing, huge, broken or asks for code."""
    place = f"{path.parent.name}/{path.name}"
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise NodeError(f"{place} is over {JSON_LIMIT >> 20} MiB: that is no configuration")
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NodeError(f"the model has no {place}: its download may be incomplete") from None
    except (ValueError, RecursionError) as e:
        raise NodeError(f"{place} is not JSON: {e}") from None
    if not isinstance(data, dict):
        raise NodeError(f"{place} should be a JSON object")
    _refuse_code(data, place)
    return data


def _refuse_code(data: Any, place: str) -> None:
    """Refuse settings by which a configuration would have a library fetch and run code."""
    if isinstance(data, list):
        for value in data:
            _refuse_code(value, place)
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        if key in CODE_KEYS and value not in (None, False, {}, []):
            raise NodeError(
                f"{place} sets {key!r}, which would run code or load classes that the model "
                "brings along. lovebird never does; use a model of diffusers' and transformers' "
                "own classes"
            )
        if key in ("_attn_implementation", "attn_implementation") and (
            not isinstance(value, str | None) or value not in ATTENTION
        ):
            raise NodeError(f"{place} asks for the attention code {value!r}, which is not allowed")
        _refuse_code(value, place)
