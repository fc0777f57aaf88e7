"""The command line. What a command needs is imported when it runs: `--help` must be instant."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from .console import (
    FAILED,
    OK,
    PIPE,
    USAGE,
    UsageProblem,
    debugging,
    explain,
    note,
    prepare_streams,
    quiet_streams,
    say,
    say_json,
)

if TYPE_CHECKING:
    from ..plugins.manager import Plugins

EPILOG = "Exit codes: 0 ok, 1 a run or check failed, 2 wrong usage or unreadable input, 130 Ctrl-C."


def _off(ctx: click.Context, _: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    """Read `-p no:NAME`, given before the command or after it."""
    for name in names:
        if not name.startswith("no:") or len(name) < 4:
            raise click.BadParameter(f"write no:NAME to leave a plugin out, not {name!r}")
    ctx.obj = (*(ctx.obj or ()), *(n.removeprefix("no:") for n in names))
    return ctx.obj


off_option = click.option(
    "-p", "off", multiple=True, metavar="no:NAME", callback=_off, help="Leave a plugin out."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
file_argument = click.argument("file", metavar="FILE")


@click.group(
    epilog=EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="lovebird", message="%(prog)s %(version)s")
@off_option
@click.pass_context
def cli(ctx: click.Context, off: tuple[str, ...]) -> None:
    """Run, check and look into graphs of generation nodes."""
    if ctx.invoked_subcommand is None:
        say(ctx.get_help())


@cli.command()
@file_argument
@click.option("--set", "sets", multiple=True, metavar="NODE.INPUT=VALUE", help="Change an input.")
@click.option("--seed", type=int, metavar="N", help="Set every seed that is not linked.")
@click.option("--out", type=Path, default=Path("outputs"), show_default=True, metavar="DIR",
              help="Where files are written.")  # fmt: skip
@click.option("--input", "inputs", type=Path, multiple=True, metavar="DIR",
              help="A folder to read files from, besides the current one.")  # fmt: skip
@click.option("--target", "targets", multiple=True, metavar="NODE",
              help="Run towards this node only (several times for several).")  # fmt: skip
@click.option("--sweep", type=Path, metavar="TABLE",
              help="A .csv or .jsonl file, its columns inputs: a run for each row.")  # fmt: skip
@click.option("--no-cache", "cache", flag_value=False, default=True,
              help="Run every node, and keep no result.")  # fmt: skip
@click.option("--device", metavar="NAME", help="Such as cpu, cuda or cuda:1.")
@click.option("--why", is_flag=True, help="Say for each node why it ran or did not.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@json_option
@off_option
def run(file: str, as_json: bool, **options: Any) -> int:
    """Run a workflow: a JSON file, a picture that carries one, or - for standard input."""
    from .runs import Options, command

    return command(Options(file, json=as_json, **options))


@cli.command()
@file_argument
@json_option
@off_option
def check(file: str, as_json: bool, off: tuple[str, ...]) -> int:
    """List every problem of a workflow, with its place and remedy."""
    from ..graph.check import check as find_problems
    from ..graph.check import upgrade
    from ..plugins.session import load

    plugins = load_plugins(off)
    problems = find_problems(upgrade(load(file), plugins.nodes), plugins.nodes, plugins.sockets)
    if as_json:
        say_json({"ok": not problems, "problems": [p.json() for p in problems]})
    for problem in problems if not as_json else ():
        say(str(problem))
    if not problems and not as_json:
        say(f"{file}: no problems")
    return FAILED if problems else OK


@cli.command()
@click.argument("word", default="")
@json_option
@off_option
def nodes(word: str, as_json: bool, off: tuple[str, ...]) -> None:
    """List the nodes, or those with WORD in their id or title."""
    from .catalogue import catalogue, listing

    plugins = load_plugins(off)
    if as_json:
        say_json(
            [n for n in catalogue(plugins) if word.lower() in f"{n['id']} {n['title']}".lower()]
        )
    else:
        say(listing(plugins, word) or f"no node has {word!r} in its name")


@cli.command()
@click.argument("node")
@json_option
@off_option
def describe(node: str, as_json: bool, off: tuple[str, ...]) -> None:
    """Show all about one node: its inputs, outputs and help."""
    from ..graph.errors import did_you_mean
    from .catalogue import describe as described
    from .catalogue import page

    plugins = load_plugins(off)
    if node not in plugins.nodes:
        raise UsageProblem(f"there is no node {node!r}{did_you_mean(node, plugins.nodes)}")
    show = described if as_json else page
    found = show(plugins.nodes[node], plugins.owner[node], plugins.sockets)
    say_json(found) if as_json else say(str(found))


@cli.command()
@click.argument("name", default="")
@click.option("--from", "example", default="", metavar="EXAMPLE", help="Start from this example.")
@click.option("--list", "listed", is_flag=True, help="List the examples.")
def new(name: str, example: str, listed: bool) -> None:
    """Write a workflow to start from: NAME.json, a copy of an example."""
    from .examples import FIRST, examples, write

    if listed:
        say("\n".join(examples()))
        return
    path = write(name, example or FIRST)
    say(f"wrote {path}: change it, then `lovebird run {path}`")


@cli.command()
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Show where failed plugins went wrong.")
@off_option
def plugins(as_json: bool, verbose: bool, off: tuple[str, ...]) -> None:
    """List the plugins, and why some could not be used."""
    from .console import table

    found = load_plugins(off).report()
    if as_json:
        say_json([p.json() for p in found])
        return
    say(table([(p.name, p.state, p.origin, f"{len(p.nodes)} nodes") for p in found]))
    for plugin in found:
        if plugin.state == "failed":
            say(f"\n{plugin.name}: {plugin.reason}\n  {plugin.remedy}")
            say(plugin.trace) if verbose else None


@cli.command()
def schema() -> None:
    """Print the JSON Schema of a workflow file."""
    from ..graph.workflow import schema as of_workflow

    say_json(of_workflow())


@cli.group(invoke_without_command=True)
@click.pass_context
def cache(ctx: click.Context) -> None:
    """Show how large the cache on disk is, or clear it."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(size)


@cache.command()
@json_option
def size(as_json: bool = False) -> None:
    """Show where the cache is and how large."""
    from ..plugins.session import disk_store

    store = disk_store()
    used = store.size()
    if as_json:
        say_json({"path": str(store.root), "bytes": used, "limit": store.limit})
    else:
        say(f"{store.root}: {used / 2**20:.1f} MiB of at most {store.limit / 2**30:.0f} GiB")


@cache.command()
def clear() -> None:
    """Remove every result that is kept on disk."""
    from ..plugins.session import disk_store

    store = disk_store()
    say(f"{store.root}: freed {store.clear() / 2**20:.1f} MiB")


@cli.group(invoke_without_command=True)
@click.pass_context
def models(ctx: click.Context) -> None:
    """List the models that are here, or fetch one from the hub."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_models)


@models.command("list")
@json_option
@off_option
def list_models(as_json: bool = False, off: tuple[str, ...] = ()) -> None:
    """List the models on this machine, each with where it is from."""
    from .models import show

    show(load_plugins(off), as_json)


@models.command()
@click.argument("name")
@click.option("--sha256", default="", metavar="HEX", help="Refuse any other content (one file).")
@click.option("--revision", default="", metavar="COMMIT", help="A commit, tag or branch.")
def pull(name: str, sha256: str, revision: str) -> None:
    """Fetch a model such as owner/model from the hub, or go on with a download."""
    from .models import fetch

    say(fetch(name, revision, sha256))


def load_plugins(off: Sequence[str]) -> Plugins:
    """Load the plugins; those that fail are told on standard error, and the rest serve."""
    from ..plugins.manager import Plugins

    found = Plugins.load(off)
    for warning in found.warnings:
        note(f"warning: {warning}")
    return found


def guarded(call: Callable[[], int | None], as_json: bool = False) -> int:
    """Call, and turn whatever ends it into a message and an exit code."""
    try:
        code = call() or OK
        sys.stdout.flush()
        return code
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.ClickException as e:
        return _tell(USAGE, _usage(e), as_json)
    except BrokenPipeError:
        quiet_streams()
        return PIPE
    except (Exception, KeyboardInterrupt) as e:
        if debugging():
            raise
        code, text = explain(e)
        return _tell(code, text, as_json)


def _usage(error: click.ClickException) -> str:
    path = f" (see `{ctx.command_path} --help`)" if (ctx := getattr(error, "ctx", None)) else ""
    return error.format_message().rstrip(".") + path


def _tell(code: int, text: str, as_json: bool) -> int:
    note(f"lovebird: {text}")
    try:
        if as_json:
            say_json({"ok": False, "error": {"code": code, "text": text}})
            sys.stdout.flush()
    except (OSError, ValueError):
        pass
    quiet_streams()
    return code


def invoke(args: Sequence[str]) -> int:
    """Run a command line in this process and give its exit code."""

    def call() -> int | None:
        with cli.make_context("lovebird", list(args)) as ctx:
            return cli.invoke(ctx)

    return guarded(call, "--json" in args)


def main() -> None:
    """Run the command line."""
    prepare_streams()
    if "_LOVEBIRD_COMPLETE" in os.environ:  # the shell asks for completions
        cli.main(prog_name="lovebird")
    code = invoke(sys.argv[1:])
    quiet_streams()
    if code == 130:
        os._exit(code)  # a node that does not stop would keep us here
    sys.exit(code)
