"""What can go wrong, said so that a person can act on it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LovebirdError(Exception):
    """A mistake that lovebird can explain: its text is the whole message, never a traceback."""


class Cancelled(LovebirdError):
    """The user stopped the run."""

    def __init__(self, message: str = "the run was cancelled"):
        super().__init__(message)


class NodeError(LovebirdError):
    """A node's own complaint: what came, what was wanted, what to do; the engine adds the node."""

    def __init__(self, message: str, socket: str | None = None):
        super().__init__(message)
        self.socket = socket


class WorkflowError(LovebirdError):
    """A file or text that is no workflow."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint such as `; did you mean 'steps'?`, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
