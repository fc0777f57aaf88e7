"""The node catalogue: what each node is, takes and gives, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..graph.node import NodeType, Port
from ..graph.socket import Sockets, type_name
from ..plugins.manager import Plugins
from .console import table


def chosen(plugins: Plugins, word: str = "") -> list[NodeType[..., Any]]:
    """The nodes that have `word` in their id or title, in order of id."""
    word = word.lower()
    found = (n for _, n in sorted(plugins.nodes.items()))
    return [n for n in found if word in n.id.lower() or word in n.title.lower()]


def catalogue(plugins: Plugins, word: str = "") -> list[dict[str, Any]]:
    """The nodes as JSON."""
    found = chosen(plugins, word)
    return [describe(n, plugins.owner[n.id], plugins.sockets) for n in found]


def describe(type: NodeType[..., Any], plugin: str, sockets: Sockets) -> dict[str, Any]:
    """One node as JSON."""
    return {
        "id": type.id,
        "title": type.title,
        "help": help_of(type),
        "plugin": plugin,
        "lane": type.lane,
        "version": type.version,
        "pure": type.pure,
        "inputs": [_input(p, sockets) for p in type.inputs],
        "outputs": [_socket(p, sockets) for p in type.outputs],
    }


def help_of(type: NodeType[..., Any]) -> str:
    """The docstring after its title."""
    return type.doc.partition("\n")[2].strip()


def _socket(port: Port, sockets: Sockets) -> dict[str, Any]:
    socket = sockets.of(port.type)
    colour = {"colour": socket.colour} if socket else {}
    return {"name": port.name, "type": type_name(port.type), **colour}


def _input(port: Port, sockets: Sockets) -> dict[str, Any]:
    data = _socket(port, sockets) | {"required": port.required}
    if not port.required and not port.many:
        data["default"] = _plain(port.default)
    if port.widget:
        data["widget"] = _widget(port)
    return data | {k: True for k in ("lazy", "many") if getattr(port, k)}


def _widget(port: Port) -> dict[str, Any]:
    try:
        return port.widget.describe() if port.widget else {}
    except Exception as e:  # a list of choices that a plugin computes
        name = type(port.widget).__name__.lower()
        return {"widget": name, "error": f"{type(e).__name__}: {e}"}


def _plain(value: Any) -> Any:
    """A default as JSON; what is none is described."""
    try:
        json.dumps(value, allow_nan=False)
        return value
    except (TypeError, ValueError):
        return repr(value)


def listing(plugins: Plugins, word: str = "") -> str:
    """The nodes as a list."""
    rows = [(n.id, n.title) for n in chosen(plugins, word)]
    return table(rows) if rows else ""


def page(type: NodeType[..., Any], plugin: str, sockets: Sockets) -> str:
    """All about one node, as text."""
    data = describe(type, plugin, sockets)
    facts = f"{type.id}, version {type.version}, from {plugin}, runs in lane {type.lane}"
    parts = [f"{type.title} ({facts})", data["help"]]
    for title, rows in (("Inputs", _inputs(data["inputs"])), ("Outputs", _outputs(data))):
        if rows:
            parts.append(f"{title}\n{table(rows, '  ')}")
    if not type.pure:
        parts.append("It has effects outside or is random: it runs every time it is asked.")
    return "\n\n".join(p for p in parts if p)


def _outputs(data: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(p["name"], p["type"]) for p in data["outputs"]]


def _inputs(ports: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    rows = []
    for port in ports:
        default = "required" if port["required"] else f"= {json.dumps(port.get('default'))}"
        default = "any number" if port.get("many") else default
        rows.append((port["name"], port["type"], default, _range(port.get("widget", {}))))
    return rows


def _range(widget: dict[str, Any]) -> str:
    match widget:
        case {"widget": "slider", "low": low, "high": high}:
            return f"{low:g} to {high:g}"
        case {"widget": "file", "suffixes": suffixes}:
            return "a file" + (f" ({', '.join(suffixes)})" if suffixes else "")
        case {"widget": "choice", "free": True, "options": options}:
            return "such as " + ", ".join(options[:8])
        case {"widget": name} if name not in ("choice", "lines"):
            return name
    return ""
