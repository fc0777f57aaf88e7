"""`lovebird run`: a workflow with some inputs changed, once or for each row of a table."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ..graph.cache import NoCache
from ..graph.check import upgrade
from ..graph.engine import Engine, RunFailed
from ..graph.errors import did_you_mean
from ..graph.roots import Roots
from ..graph.workflow import Workflow
from ..plugins.manager import Plugins
from ..plugins.session import load, open_engine
from .console import FAILED, OK, UsageProblem, debugging, note, say, say_json
from .outcome import Outcome, lines, outcome
from .progress import reporter
from .sweep import Journal, read_rows, sweep
from .values import assign, seed_all, split


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    file: str
    sets: tuple[str, ...] = ()
    seed: int | None = None
    out: Path = Path("outputs")
    inputs: tuple[Path, ...] = ()
    targets: tuple[str, ...] = ()
    cache: bool = True
    device: str | None = None
    json: bool = False
    quiet: bool = False
    why: bool = False
    sweep: Path | None = None
    off: tuple[str, ...] = ()


def command(options: Options) -> int:
    """Run what was asked for, show the outcome, and give the exit code."""
    plugins = Plugins.load(options.off)
    for warning in plugins.warnings:
        note(f"warning: {warning}")
    workflow = prepare(options, plugins)
    check_folders(options)
    rows = read_rows(options.sweep) if options.sweep else None
    engine = open_engine(
        roots=Roots(inputs=(*options.inputs, Path.cwd()), outputs=options.out),
        device=options.device,
        plugins=plugins,
        cache=None if options.cache else NoCache(),
    )
    try:
        if rows is None or options.sweep is None:
            return show(run_once(engine, workflow, options), options)
        journal = Journal(options.out / f"{options.sweep.stem}.journal.jsonl")

        def once(document: Workflow) -> Outcome:
            return run_once(engine, document, options)

        tally = sweep(rows, workflow, plugins.nodes, journal, once, options.targets)
    finally:
        engine.close()
    if options.json:
        say_json(tally.json())
    note(str(tally))
    return FAILED if tally.failed else OK


def prepare(options: Options, plugins: Plugins) -> Workflow:
    """Read the workflow and set its inputs; raises UsageProblem or WorkflowError."""
    workflow = upgrade(load(options.file), plugins.nodes)
    for target in options.targets:
        if target not in workflow.nodes:
            hint = did_you_mean(target, workflow.nodes)
            raise UsageProblem(f"--target {target}: there is no such node{hint}")
    if options.seed is not None:
        seed_all(workflow, plugins.nodes, options.seed)
    for setting in options.sets:
        address, text = split(setting)
        assign(workflow, plugins.nodes, address, text)
    return workflow


def check_folders(options: Options) -> None:
    """Refuse folders that can't serve before an hour is spent; raises UsageProblem."""
    for folder in options.inputs:
        if not folder.is_dir():
            raise UsageProblem(f"--input {folder}: there is no such folder")
    place = Path(os.path.abspath(options.out))
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise UsageProblem(f"--out {options.out}: {place} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageProblem(f"--out {options.out}: {place} can't be written; choose another folder")


def run_once(engine: Engine, workflow: Workflow, options: Options) -> Outcome:
    """Run a workflow while showing how it goes."""
    # what a node prints is no output of ours: a program may be reading that
    with contextlib.redirect_stdout(sys.stderr), reporter(options.quiet or options.json) as watch:
        try:
            result = engine.run(workflow, options.targets or None, watch)
        except RunFailed as e:
            result = e.result
            if debugging():
                note("\n".join(t for f in e.failures if (t := getattr(f, "traceback", ""))))
    return outcome(result, options.out, options.why)


def show(found: Outcome, options: Options) -> int:
    """Print the outcome of a single run."""
    if options.json:
        say_json(found.json())
    else:
        for line in lines(found):
            say(line)
    for node, reason in found.why.items() if not options.json else ():
        note(f"{node}: {reason}")
    for message in found.messages:
        note(message)
    if not options.quiet:
        note(found.summary())
    return OK if found.ok else FAILED
