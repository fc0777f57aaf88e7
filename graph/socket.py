"""Socket types: how a value is named, coloured, shown, and becomes another; what fits what."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Socket:
    """What lovebird knows of one Python type that travels along links.

    `conversions` maps a target type to a function, for links whose ends differ. `preview` turns
    a value into an Image, text or number that a person can look at. `saved` says whether values
    may be packed to disk: dataclasses of arrays, numbers and text can; live objects can't.
    """

    type: type
    colour: str = "#9aa0a6"
    saved: bool = True
    preview: Callable[[Any], Any] | None = None
    conversions: Mapping[type, Convert] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the socket is called in the editor."""
        return self.type.__name__


BASIC = (
    Socket(int, "#4f9ef0"),
    Socket(float, "#5fb3f5"),
    Socket(str, "#7cc47f"),
    Socket(bool, "#c47fae"),
    Socket(list, "#b0a27a"),
    Socket(dict, "#b0a27a"),
)


def type_name(hint: Any) -> str:
    """A type as a person writes it: `Image`, `list[str]`, `int | None`, `'a' | 'b'`."""
    if hint is Any:
        return "anything"
    if hint is None or hint is type(None):
        return "None"
    args = get_args(hint)
    if get_origin(hint) is Literal:
        return " | ".join(map(repr, args))
    if is_union(hint):
        return " | ".join(map(type_name, args))
    if args:
        return f"{type_name(get_origin(hint))}[{', '.join(map(type_name, args))}]"
    return getattr(hint, "__name__", str(hint))


def is_union(hint: Any) -> bool:
    """Whether a hint is `A | B` or `Union[A, B]`."""
    return get_origin(hint) in (typing.Union, types.UnionType)


class Sockets:
    """The socket types of one set of plugins."""

    def __init__(self, sockets: Iterable[Socket] = ()):
        self.by_type: dict[type, Socket] = {}
        self.fits_memo: dict[tuple[Any, Any], bool] = {}
        for socket in (*BASIC, *sockets):
            self.add(socket)

    def add(self, socket: Socket) -> None:
        """Register a socket; raises ValueError if its type has one."""
        if socket.type in self.by_type:
            raise ValueError(f"the type {socket.name} already has a socket")
        self.by_type[socket.type] = socket
        self.fits_memo.clear()

    def of(self, hint: Any) -> Socket | None:
        """The socket of a type hint, looking through lists and `| None`."""
        if is_union(hint):
            return next((s for a in get_args(hint) if (s := self.of(a))), None)
        if get_origin(hint) is list and get_args(hint):
            return self.of(get_args(hint)[0])
        if get_origin(hint) is Literal:
            return self.by_type.get(type(get_args(hint)[0]))
        kinds = getattr(get_origin(hint) or hint, "__mro__", ())
        return next((self.by_type[k] for k in kinds if k in self.by_type), None)

    def fits(self, got: Any, wanted: Any) -> bool:
        """Whether an output of type `got` may feed an input of type `wanted`."""
        try:
            return self.fits_memo[got, wanted]
        except KeyError:
            answer = self.fits_memo[got, wanted] = self._fits(got, wanted)
            return answer
        except TypeError:  # an unhashable hint, such as a Literal of lists
            return self._fits(got, wanted)

    def _fits(self, got: Any, wanted: Any) -> bool:
        if got is Any or wanted is Any or got == wanted:
            return True
        if is_union(got):  # every value that may come must do
            return all(self.fits(g, wanted) for g in get_args(got))
        if is_union(wanted):
            return any(self.fits(got, w) for w in get_args(wanted))
        if Literal in (get_origin(got), get_origin(wanted)):
            return self._literals_fit(got, wanted)
        return self._classes_fit(got, wanted) or self.conversion(got, wanted) is not None

    def _literals_fit(self, got: Any, wanted: Any) -> bool:
        if get_origin(wanted) is Literal and get_origin(got) is Literal:
            return set(get_args(got)) <= set(get_args(wanted))
        if get_origin(wanted) is Literal:  # a plain string may be one of them: known when it runs
            return any(self.fits(got, type(a)) for a in get_args(wanted))
        return all(self.fits(type(a), wanted) for a in get_args(got))

    def _classes_fit(self, got: Any, wanted: Any) -> bool:
        left, right = get_origin(got) or got, get_origin(wanted) or wanted
        if not (isinstance(left, type) and isinstance(right, type)):
            return False
        if left is int and right is float:
            return True
        if left is bool and right in (int, float):  # Python says it is one; a person doesn't
            return False
        if not issubclass(left, right):
            return False
        pairs = zip(get_args(got), get_args(wanted), strict=False)
        return all(self.fits(g, w) for g, w in pairs)

    def conversion(self, got: Any, wanted: Any) -> Convert | None:
        """The function that makes a `wanted` of a `got`, or None."""
        for kind in getattr(got, "__mro__", ()):
            if (socket := self.by_type.get(kind)) and wanted in socket.conversions:
                return socket.conversions[wanted]
        return None

    def converter(self, got: Any, wanted: Any) -> Convert | None:
        """What to apply to a value on a link: None where it may pass as it is."""
        if got is Any or wanted is Any or got == wanted or self._direct(got, wanted):
            return None
        targets = get_args(wanted) if is_union(wanted) else (wanted,)
        return next((c for w in targets if (c := self.conversion(got, w))), None)

    def _direct(self, got: Any, wanted: Any) -> bool:
        targets = get_args(wanted) if is_union(wanted) else (wanted,)
        return any(w is Any or self._classes_fit(got, w) for w in targets)
