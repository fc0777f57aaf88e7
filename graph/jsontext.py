"""JSON as lovebird reads and writes it: strict on the way in, canonical on the way out."""

from __future__ import annotations

import json
from typing import Any

from .errors import WorkflowError

DEPTH = 100


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        keys = [k for k, _ in pairs]
        twice = next(k for k in keys if keys.count(k) > 1)
        raise WorkflowError(f"the key {twice[:60]!r} is there twice; remove one")
    return data


def _constant(name: str) -> Any:
    raise WorkflowError(f"{name} is no JSON number")


def parse(text: str | bytes, name: str = "the text") -> Any:
    """Parse JSON strictly: no duplicate keys, NaN, or nesting over DEPTH; raises WorkflowError."""
    try:
        text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        data = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
    except WorkflowError as e:
        raise WorkflowError(f"{name}: {e}") from None
    except RecursionError:
        raise WorkflowError(f"{name} is nested too deep (more than {DEPTH} levels)") from None
    except json.JSONDecodeError as e:
        raise WorkflowError(
            f"{name} is not JSON: line {e.lineno}, column {e.colno}: {e.msg}"
        ) from None
    except ValueError as e:  # not UTF-8, or an integer of thousands of digits
        raise WorkflowError(f"{name} is not JSON: {e}") from None
    if too_deep(data):
        raise WorkflowError(f"{name} is nested too deep (more than {DEPTH} levels)")
    return data


def too_deep(data: Any) -> bool:
    """Whether lists and dicts are nested more than DEPTH levels."""
    level: list[Any] = [data]
    for _ in range(DEPTH):
        level = [
            v
            for x in level
            if isinstance(x, dict | list)
            for v in (x.values() if isinstance(x, dict) else x)
            if isinstance(v, dict | list)
        ]
        if not level:
            return False
    return True


def dumps(data: Any, indent: str = "", width: int = 96) -> str:
    """JSON that reads and diffs well: a list or dict on one line if it fits, or an item a line."""
    line = json.dumps(data, ensure_ascii=False, allow_nan=False)
    if len(line) + len(indent) <= width or not isinstance(data, dict | list) or not data:
        return line
    deeper = indent + "  "
    if isinstance(data, dict):
        items = [
            f"{deeper}{json.dumps(k, ensure_ascii=False)}: {dumps(v, deeper, width - len(k) - 4)}"
            for k, v in data.items()
        ]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + dumps(v, deeper, width) for v in data) + f"\n{indent}]"
