"""A sweep: a table of inputs, a run for each row, and a journal so that it can go on later."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..graph.errors import WorkflowError
from ..graph.jsontext import parse
from ..graph.workflow import Workflow
from .console import UsageProblem, note
from .outcome import Outcome
from .values import Nodes, assign, find

KINDS = ".csv, .jsonl"


@dataclass
class Row:
    """One row: its number from 1, and values by address."""

    number: int
    values: dict[str, Any]


@dataclass
class Tally:
    """How the rows of a sweep went."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    made: int = 0
    skipped: int = 0
    failed: int = 0

    def add(self, number: int, state: str, **facts: Any) -> None:
        """Count a row: `made`, `skipped` or `failed`."""
        setattr(self, state, getattr(self, state) + 1)
        self.rows.append({"row": number, "state": state} | facts)

    def json(self) -> dict[str, Any]:
        """The tally for a program."""
        return {"ok": not self.failed, "made": self.made, "skipped": self.skipped,
                "failed": self.failed, "rows": self.rows}  # fmt: skip

    def __str__(self) -> str:
        total = self.made + self.skipped + self.failed
        parts = [f"{self.made} made"]
        parts += [f"{self.skipped} were done before"] if self.skipped else []
        parts += [f"{self.failed} failed"] if self.failed else []
        return f"{total} rows: {', '.join(parts)}"


def read_rows(path: Path) -> list[Row]:
    """Read a table; raises UsageProblem that names the line."""
    readers = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageProblem(f"--sweep {path}: the file must end in one of {KINDS}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [Row(k, values) for k, values in enumerate(reader(file, path), 1)]
    except OSError as e:
        raise UsageProblem(f"can't read {path}: {e.strerror}") from None
    except UnicodeDecodeError:
        raise UsageProblem(f"{path} is not UTF-8 text; save it as that") from None
    if not rows:
        raise UsageProblem(f"{path} has no rows")
    return rows


def _csv(file: Any, path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a CSV file; an empty cell leaves the workflow's own value."""
    table = csv.DictReader(file, skipinitialspace=True, strict=True)
    try:
        names = [name.strip() for name in table.fieldnames or ()]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise UsageProblem(f"{path}: the column {twice!r} is there twice")
        table.fieldnames = names
        for row in table:
            if None in row:
                raise UsageProblem(f"{path}: line {table.line_num} has more cells than columns")
            yield {k: v for k, v in row.items() if v not in ("", None)}
    except csv.Error as e:
        raise UsageProblem(f"{path}: line {table.line_num}: {e}") from None


def _jsonl(file: Any, path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a file with a JSON object a line."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            data = parse(line, f"{path}: line {number}")
        except WorkflowError as e:
            raise UsageProblem(str(e)) from None
        if not isinstance(data, dict):
            raise UsageProblem(f'{path}: line {number} must be like {{"prompt.text": "a cat"}}')
        yield data


class Journal:
    """What is done, a JSON object a line, beside the output; rows that failed are tried again."""

    def __init__(self, path: Path):
        self.path = path
        self.done: set[str] = set()
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            try:
                data = json.loads(line)
                if data["ok"]:
                    self.done.add(data["key"])
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a program that was killed
        if text and not text.endswith("\n"):
            self._append("\n")

    def add(self, key: str, number: int, outcome: Outcome) -> None:
        """Note a row that ran."""
        facts = {"key": key, "row": number, "ok": outcome.ok, "files": outcome.files,
                 "seconds": round(outcome.seconds, 3), "failures": outcome.messages}  # fmt: skip
        self._append(json.dumps(facts) + "\n")
        if outcome.ok:
            self.done.add(key)

    def _append(self, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)


def key_of(workflow: Workflow, targets: Collection[str]) -> str:
    """What makes two rows the same: the document they run, and what is asked of it."""
    text = workflow.text() + "\0" + "\0".join(sorted(targets))
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=12).hexdigest()


def check_addresses(rows: list[Row], workflow: Workflow, nodes: Nodes) -> None:
    """Refuse a table with a column that leads nowhere; raises UsageProblem."""
    for address in dict.fromkeys(a for row in rows for a in row.values):
        find(workflow, nodes, address)


def copy_of(workflow: Workflow) -> Workflow:
    """A workflow whose inputs can be set without changing the first."""
    return workflow.model_copy(update={"nodes": dict(workflow.nodes)})


def sweep(
    rows: list[Row],
    workflow: Workflow,
    nodes: Nodes,
    journal: Journal,
    run: Callable[[Workflow], Outcome],
    targets: Collection[str] = (),
) -> Tally:
    """Run each row that is not done; one that fails is told, and the others go on."""
    check_addresses(rows, workflow, nodes)
    tally = Tally()
    for row in rows:
        place = f"row {row.number} of {len(rows)}"
        document = copy_of(workflow)
        try:
            for address, value in row.values.items():
                assign(document, nodes, address, value)
        except UsageProblem as e:
            note(f"{place}: {e}")
            tally.add(row.number, "failed", failures=[str(e)])
            continue
        key = key_of(document, targets)
        if key in journal.done:
            tally.add(row.number, "skipped")
            continue
        _make(place, row, document, key, journal, run, tally)
    return tally


def _make(
    place: str,
    row: Row,
    document: Workflow,
    key: str,
    journal: Journal,
    run: Callable[[Workflow], Outcome],
    tally: Tally,
) -> None:
    found = run(document)
    journal.add(key, row.number, found)
    if found.ok:
        note(f"{place}: {found.summary()}")
        tally.add(row.number, "made", files=found.files, outputs=found.outputs)
    else:
        note(f"{place}: " + "\n  ".join(found.messages))
        tally.add(row.number, "failed", files=found.files, failures=found.messages)
