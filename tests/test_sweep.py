"""Sweeps: a run for each row, a journal to go on from, failures that stop nobody."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import put

from lovebird.ui.console import UsageProblem
from lovebird.ui.sweep import Journal, read_rows

COUNT = {"count": ("toys.count", {"text": "x"})}
FAIL = {"fail": ("toys.fail", {"text": "fine", "only": "bad"}),
        "count": ("toys.count", {"text": {"from": "fail"}})}  # fmt: skip


def counted() -> list[str]:
    path = Path("outputs/count.txt")
    return path.read_text().split() if path.exists() else []


def test_each_row_is_a_run(cli):
    put(Path("w.json"), COUNT)
    Path("t.csv").write_text("count.text\na\nb\nc\n")
    said = cli("run", "w.json", "--sweep", "t.csv")
    assert (said.code, counted()) == (0, ["a", "b", "c"])
    assert "3 rows: 3 made" in said.err


def test_a_second_call_does_only_what_is_new(cli):
    put(Path("w.json"), COUNT)
    Path("t.jsonl").write_text('{"count.text": "a"}\n')
    cli("run", "w.json", "--sweep", "t.jsonl")
    Path("t.jsonl").write_text('{"count.text": "a"}\n\n{"count.text": "b"}\n')
    tally = cli("run", "w.json", "--sweep", "t.jsonl", "--json").json
    assert (tally["made"], tally["skipped"], counted()) == (1, 1, ["a", "b"])


def test_a_changed_workflow_is_run_again(cli):
    put(Path("w.json"), COUNT)
    Path("t.csv").write_text("count.text\na\n")
    cli("run", "w.json", "--sweep", "t.csv")
    put(Path("w.json"), COUNT | {"say": ("toys.say", {"text": "new"})})
    assert cli("run", "w.json", "--sweep", "t.csv", "--json").json["made"] == 1


def test_a_failed_row_is_told_tried_again_and_stops_nobody(cli):
    put(Path("w.json"), FAIL)
    Path("t.csv").write_text("fail.text\na\nbad\nc\n")
    said = cli("run", "w.json", "--sweep", "t.csv")
    assert (said.code, counted()) == (1, ["a", "c"])
    assert "row 2 of 3: fail.text (toys.fail): 'bad' came" in said.err
    assert "3 rows: 2 made, 1 failed" in said.err
    again = cli("run", "w.json", "--sweep", "t.csv", "--json").json
    assert (again["skipped"], again["failed"], counted()) == (2, 1, ["a", "c"])


def test_a_value_that_will_not_do_fails_its_row_alone(cli):
    put(Path("w.json"), {"say": ("toys.say", {"text": "a"})})
    Path("t.csv").write_text("say.times\n2\nmany\n")
    said = cli("run", "w.json", "--sweep", "t.csv")
    assert said.code == 1
    assert "row 2 of 2: say.times: 'many' came" in said.err


def test_an_empty_cell_leaves_the_workflow_s_value(cli):
    Path("t.csv").write_text('count.text,count.text2\n"",\n')
    assert read_rows(Path("t.csv"))[0].values == {}


def test_a_column_that_leads_nowhere_is_refused_before_anything_runs(cli):
    put(Path("w.json"), COUNT)
    Path("t.jsonl").write_text('{"count.text": "a"}\n{"count.txt": "b"}\n')
    said = cli("run", "w.json", "--sweep", "t.jsonl")
    assert (said.code, counted()) == (2, [])
    assert "did you mean 'text'?" in said.err


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("t.csv", "", "has no rows"),
        ("t.csv", "a.b\n", "has no rows"),
        ("t.csv", "a.b,a.b\n1,2\n", "'a.b' is there twice"),
        ("t.csv", "a.b\n1,2\n", "line 2 has more cells"),
        ("t.csv", 'a.b\n"1\n', "line 1: unexpected end"),
        ("t.csv", "\udcff\n", "not UTF-8"),
        ("t.jsonl", "{oops\n", "line 1 is not JSON"),
        ("t.jsonl", "[1]\n", "line 1 must be like"),
        ("t.jsonl", '{"a.b": 1, "a.b": 2}\n', "there twice"),
        ("t.xlsx", "x", "must end in one of"),
    ],
)
def test_a_table_that_cannot_be_read_names_the_line(tmp_path, name, text, told):
    path = tmp_path / name
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageProblem, match=told):
        read_rows(path)


@given(text=st.text(), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_any_text_is_a_table_or_refused(tmp_path_factory, text, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        assert read_rows(path)
    except UsageProblem as e:
        assert path.name in str(e)


def test_a_journal_cut_off_in_the_middle_of_a_line_is_read(tmp_path):
    path = tmp_path / "j.jsonl"
    path.write_text(json.dumps({"key": "a", "ok": True}) + '\n{"key": "b", "o')
    journal = Journal(path)
    assert journal.done == {"a"}
    assert path.read_text().endswith("\n")
