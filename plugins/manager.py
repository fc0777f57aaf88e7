"""Finding plugins, and keeping one that fails from taking the rest down."""

from __future__ import annotations

import contextlib
import importlib
import logging
import pkgutil
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pluggy

from ..graph.errors import did_you_mean
from ..graph.node import NodeType
from ..graph.pack import ArrayKind
from ..graph.socket import Socket, Sockets
from . import hookspecs

log = logging.getLogger("lovebird.plugins")
BUILT_IN = "built in"


class PluginError(Exception):
    """A plugin that can't be used: what is wrong with it, and what to do."""

    def __init__(self, reason: str, remedy: str = ""):
        super().__init__(reason)
        self.remedy = remedy


@dataclass(frozen=True)
class Plugin:
    """A plugin that was found: its name, where it came from, and what went wrong if it failed."""

    name: str
    origin: str
    state: str = "on"
    reason: str = ""
    remedy: str = ""
    error: BaseException | None = field(default=None, repr=False, compare=False)
    nodes: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """The plugin for a program."""
        words = ("name", "origin", "state", "reason", "remedy")
        return {w: v for w in words if (v := getattr(self, w))} | {"nodes": list(self.nodes)}

    @property
    def trace(self) -> str:
        """The traceback of what went wrong, for the plugin's author."""
        return "".join(traceback.format_exception(self.error)) if self.error else ""


@dataclass(frozen=True)
class Candidate:
    """A plugin that may be loaded."""

    name: str
    origin: str
    load: Callable[[], Any]


class Plugins:
    """The plugins of one process and what they registered.

    `nodes` has every node type by id, `owner` the plugin that each came from, `sockets` the
    socket types, and `hook` is pluggy's relay, for calling any hook of all plugins.
    """

    def __init__(self) -> None:
        self.pm = pluggy.PluginManager("lovebird")
        self.pm.add_hookspecs(hookspecs)
        self.found: dict[str, Plugin] = {}
        self.nodes: dict[str, NodeType[..., Any]] = {}
        self.owner: dict[str, str] = {}
        self.sockets = Sockets()
        self.arrays: list[ArrayKind] = []
        self.warnings: list[str] = []

    @classmethod
    def load(
        cls, off: Collection[str] = (), candidates: Iterable[Candidate] | None = None
    ) -> Plugins:
        """Load the built-in plugins, then `candidates`: by default those installed.

        `off` names plugins to leave out. Nothing that a plugin does makes this raise; see `report`.
        """
        self = cls()
        known = [*built_in(), *(installed() if candidates is None else candidates)]
        for candidate in known:
            self.add(candidate, off)
        names = [c.name for c in known]
        for name in sorted(set(off) - set(names)):
            self.warnings.append(
                f"-p no:{name}: there is no such plugin{did_you_mean(name, names)}"
            )
        return self

    @property
    def hook(self) -> Any:
        """Calls hooks: `plugins.hook.register_model_sources()` gives each plugin's answer."""
        return self.pm.hook

    def add(self, candidate: Candidate, off: Collection[str] = ()) -> Plugin:
        """Load one plugin inside a guard, and say how it went."""
        name, origin = candidate.name, candidate.origin
        if name in off:
            return self._note(Plugin(name, origin, "off"))
        if name in self.found:
            other = self.found[name].origin
            return self._note(Plugin(
                f"{name} ({origin})", origin, "failed",
                f"another plugin is called {name!r} too ({other})",
                "uninstall one of the two, or ask an author to rename the entry point",
            ))  # fmt: skip
        try:
            with contextlib.redirect_stdout(sys.stderr):  # our own output may be read by a program
                nodes = self._register(name, candidate.load())
        except (Exception, SystemExit) as e:  # whatever it is, it is this plugin's problem alone
            if self.pm.has_plugin(name):
                self.pm.unregister(name=name)
            reason, remedy = explain(e, name)
            return self._note(Plugin(name, origin, "failed", reason, remedy, e))
        plugin = Plugin(name, origin, nodes=tuple(nodes))
        if origin == BUILT_IN and not self.pm.get_hookcallers(self.pm.get_plugin(name)):
            return plugin  # a module that only helps others
        return self._note(plugin)

    def _note(self, plugin: Plugin) -> Plugin:
        self.found[plugin.name] = plugin
        return plugin

    def _register(self, name: str, plugin: Any) -> dict[str, NodeType[..., Any]]:
        """Take all that a plugin offers, or, raising, nothing of it."""
        if self.pm.is_registered(plugin):
            raise PluginError("it is loaded already under another name", "drop one entry point")
        self.pm.register(plugin, name)
        self.pm.check_pending()
        nodes, sockets = self._new_nodes(plugin), self._new_sockets(plugin)
        arrays = list(self._offered("register_arrays", plugin, ArrayKind))
        for socket in sockets:
            self.sockets.add(socket)
        self.arrays += arrays
        self.nodes |= nodes
        self.owner |= dict.fromkeys(nodes, name)
        return nodes

    def _new_nodes(self, plugin: Any) -> dict[str, NodeType[..., Any]]:
        nodes: dict[str, NodeType[..., Any]] = {}
        for node in self._offered("register_nodes", plugin, NodeType):
            if node.id in nodes or node.id in self.nodes:
                by = self.owner.get(node.id, "this plugin itself")
                raise PluginError(f"the node {node.id!r} is already offered by {by}")
            nodes[node.id] = node
        return nodes

    def _new_sockets(self, plugin: Any) -> list[Socket]:
        sockets = list(self._offered("register_sockets", plugin, Socket))
        types = [s.type for s in sockets]
        for socket in sockets:
            if socket.type in self.sockets.by_type or types.count(socket.type) > 1:
                raise PluginError(f"the type {socket.name} already has a socket")
        return sockets

    def _offered(self, hook: str, plugin: Any, kind: type) -> Iterator[Any]:
        others = [p for p in self.pm.get_plugins() if p is not plugin]
        for answer in self.pm.subset_hook_caller(hook, others)():
            if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
                raise PluginError(
                    f"{hook} gave {answer!r:.80}; a list of {kind.__name__} was wanted"
                )
            for item in answer:
                if not isinstance(item, kind):
                    hint = "; put @node before it" if kind is NodeType and callable(item) else ""
                    raise PluginError(f"{hook} gave {item!r:.80}; {kind.__name__} was wanted{hint}")
                yield item

    def tell(self, hook: str, **arguments: Any) -> None:
        """Call a hook of every plugin; one that raises is named in the log, and the rest go on."""
        for impl in getattr(self.pm.hook, hook).get_hookimpls():
            try:
                impl.function(**{k: arguments[k] for k in impl.argnames})
            except (Exception, SystemExit) as e:
                log.warning("the plugin %s failed in %s: %s", impl.plugin_name, hook, _said(e))

    def report(self) -> list[Plugin]:
        """Every plugin that was found, in the order of loading."""
        return list(self.found.values())

    @property
    def failed(self) -> list[Plugin]:
        """The plugins that could not be used."""
        return [p for p in self.found.values() if p.state == "failed"]


def built_in() -> Iterator[Candidate]:
    """The plugins that come with lovebird: each module of `nodes`, each package of `plugins`.

    Only direct children are looked at; a package offers its nodes in its `__init__`.
    """
    from .. import nodes, plugins

    for package, folders_only in ((nodes, False), (plugins, True)):
        for found in pkgutil.iter_modules(package.__path__):
            if found.ispkg or not folders_only:
                module = f"{package.__name__}.{found.name}"
                yield Candidate(found.name, BUILT_IN, _importer(module))


def installed() -> Iterator[Candidate]:
    """The installed plugins, in order of name: entry points in the group `lovebird`."""
    from importlib.metadata import entry_points  # 30 ms, and needed only here

    for entry in sorted(entry_points(group="lovebird"), key=lambda e: e.name):
        origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        yield Candidate(entry.name, origin, entry.load)


def _importer(module: str) -> Callable[[], Any]:
    return lambda: importlib.import_module(module)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def explain(error: BaseException, name: str) -> tuple[str, str]:
    """What went wrong with the plugin `name`, and what to do about it."""
    leave = f"leave it out by -p no:{name}"
    if isinstance(error, PluginError):
        return str(error), error.remedy or leave
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"it needs the module {error.name!r}", f"install what has it, or {leave}"
    if isinstance(error, pluggy.PluginValidationError):
        known = ", ".join(k for k, v in vars(hookspecs).items() if hasattr(v, "lovebird_spec"))
        return str(error).strip(), f"update lovebird or the plugin; known hooks: {known}"
    if isinstance(error, SystemExit):
        return "it tried to end the program while it was loaded", leave
    return _said(error), f"tell its author (`lovebird plugins -v` shows where), or {leave}"
