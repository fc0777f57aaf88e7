"""Talking to a terminal, a pipe or a program: text, JSON, errors and exit codes."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from ..graph.errors import Cancelled, LovebirdError, WorkflowError

OK, FAILED, USAGE, INTERRUPTED, PIPE = 0, 1, 2, 130, 141
"""Exit codes: all went well; a run or check failed; wrong usage or unreadable input; Ctrl-C; and
the reader of our output went away (as the shell reports it for any program)."""


class UsageProblem(LovebirdError):
    """The command was called in a way that can't work; nothing has been done."""


def debugging() -> bool:
    """Whether the user wants tracebacks."""
    return os.environ.get("LOVEBIRD_DEBUG", "") not in ("", "0")


def prepare_streams() -> None:
    """Let no character that a terminal lacks end the program."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")


def say(text: str = "", to: TextIO | None = None) -> None:
    """Print a line, to standard output if not said otherwise."""
    print(text, file=to or sys.stdout)


def note(text: str) -> None:
    """Print a line to standard error; a terminal that is gone is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def say_json(data: Any) -> None:
    """Print JSON in plain ASCII: it survives any encoding, and lone surrogates."""
    print(json.dumps(data, indent=2, default=repr))


def table(rows: Iterable[tuple[str, ...]], indent: str = "") -> str:
    """Rows as aligned columns; the last one is as long as it is."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    lines = []
    for row in rows:
        cells = [c.ljust(w) for c, w in zip(row, widths, strict=False)]
        lines.append((indent + "  ".join([*cells, row[-1]])).rstrip())
    return "\n".join(lines)


def explain(error: BaseException) -> tuple[int, str]:
    """The exit code and the message for what ended a command."""
    if isinstance(error, KeyboardInterrupt | Cancelled):
        return INTERRUPTED, "stopped"
    if isinstance(error, UsageProblem | WorkflowError):
        return USAGE, str(error)
    if isinstance(error, LovebirdError):
        return FAILED, str(error)
    if isinstance(error, OSError):
        return FAILED, _of_system(error)
    if isinstance(error, MemoryError):
        return FAILED, "there is not enough memory for this"
    told = f"{type(error).__name__}: {error}".rstrip(": ")
    return FAILED, f"lovebird went wrong: {told} (LOVEBIRD_DEBUG=1 shows where)"


def _of_system(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    hints = {
        errno.ENOSPC: "; make room, or write elsewhere by --out",
        errno.EROFS: "; write elsewhere by --out",
        errno.EACCES: "; check its permissions, or write elsewhere by --out",
    }
    text = error.strerror or str(error)
    return f"{place}{text}{hints.get(error.errno or 0, '')}"


def quiet_streams() -> None:
    """Forget unwritten output: its reader is gone, and the interpreter would complain at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(devnull, stream.fileno())
