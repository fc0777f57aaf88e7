"""What can go wrong, said so that a person can act on it."""

from __future__ import annotations


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
