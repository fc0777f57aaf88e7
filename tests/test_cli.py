"""The command line: what each command does, says, and exits with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from toys import put, workflow

SAY = {"say": ("toys.say", {"text": "hello"})}
PIPE = {"say": ("toys.say", {"text": "hello"}), "write": ("toys.write", {"text": {"from": "say"}})}


# --- run


def test_run_prints_what_the_sinks_gave(cli):
    said = cli("run", put(Path("w.json"), SAY))
    assert (said.code, said.out) == (0, "say.out: hello\n")
    assert "1 node ran" in said.err


def test_run_prints_the_files_it_wrote(cli):
    said = cli("run", put(Path("w.json"), PIPE), "--out", "made")
    assert said.out == "made/said.txt\n"
    assert Path("made/said.txt").read_text() == "hello"


def test_a_second_run_takes_the_cache_of_the_first(cli):
    put(Path("w.json"), {"slow": ("toys.slow", {"text": "a"})})
    assert list(cli("run", "w.json", "--json").json["ran"]) == ["slow"]
    facts = cli("run", "w.json", "--json").json
    assert (facts["ran"], facts["cached"]) == ({}, ["slow"])


def test_no_cache_runs_everything_and_keeps_nothing(cli):
    put(Path("w.json"), SAY)
    for _ in range(2):
        assert list(cli("run", "w.json", "--no-cache", "--json").json["ran"]) == ["say"]
    assert not Path("cache").exists()


def test_run_answers_in_json(cli):
    facts = cli("run", put(Path("w.json"), PIPE), "--json", "--why").json
    assert facts["ok"] is True
    assert facts["outputs"] == {"write.out": str(Path("outputs/said.txt").resolve())}
    assert facts["files"] == ["outputs/said.txt"]
    assert set(facts["ran"]) == {"say", "write"}
    assert "every time" in facts["why"]["write"]


def test_set_changes_inputs(cli):
    put(Path("w.json"), SAY)
    said = cli("run", "w.json", "--set", "say.text=a = b", "--set", "say.times=2")
    assert said.out == "say.out: a = b a = b\n"


def test_set_does_not_change_the_file(cli):
    before = put(Path("w.json"), SAY).read_bytes()
    cli("run", "w.json", "--set", "say.text=other")
    assert Path("w.json").read_bytes() == before


def test_seed_sets_every_seed(cli):
    put(Path("w.json"), SAY | {"two": ("toys.say", {"text": "b"})})
    said = cli("run", "w.json", "--seed", "5", "--json")
    assert said.code == 0
    assert cli("run", "w.json", "--seed", "-1").code == 2


def test_seed_without_a_seed_says_so(cli):
    put(Path("w.json"), {"add": ("toys.add", {"a": 1})})
    said = cli("run", "w.json", "--seed", "5")
    assert said.code == 2
    assert "no node of this workflow has a seed" in said.err


def test_targets_leave_out_what_they_do_not_need(cli):
    put(Path("w.json"), PIPE)
    facts = cli("run", "w.json", "--target", "say", "--json").json
    assert list(facts["outputs"]) == ["say.out"]
    assert not Path("outputs").exists()


def test_files_are_read_from_the_current_folder_and_from_input_folders(cli):
    Path("pictures").mkdir()
    Path("pictures/a.txt").write_text("deep")
    put(Path("w.json"), {"read": ("toys.read", {"file": "a.txt"})})
    assert cli("run", "w.json").code == 1
    assert cli("run", "w.json", "--input", "pictures").out == "read.out: deep\n"


def test_a_workflow_comes_from_standard_input_too(cli, monkeypatch):
    class Stdin:
        class buffer:
            @staticmethod
            def read(n):
                return json.dumps(workflow(SAY)).encode()

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert cli("run", "-").out == "say.out: hello\n"


def test_what_nodes_print_does_not_spoil_the_output(cli):
    put(Path("w.json"), {"c": ("toys.chatter", {"text": "a"})})
    said = cli("run", "w.json", "--json")
    assert said.json["outputs"] == {"c.out": "a"}
    assert "chatter" in said.err


def test_a_failure_is_one_message_and_the_rest_is_made(cli):
    put(Path("w.json"), PIPE | {"bad": ("toys.fail", {"text": "ugly"})})
    said = cli("run", "w.json")
    assert said.code == 1
    assert said.out == "outputs/said.txt\n"
    assert "bad.text (toys.fail): 'ugly' came; something nicer was wanted" in said.err
    assert "Traceback" not in said.err


def test_a_failure_in_json(cli):
    said = cli("run", put(Path("w.json"), {"bad": ("toys.fail", {"text": "ugly"})}), "--json")
    assert said.code == 1
    assert said.json["ok"] is False
    assert said.json["failures"][0]["node"] == "bad"
    assert said.json["failures"][0]["socket"] == "text"


def test_quiet_says_nothing_but_the_result(cli):
    said = cli("run", put(Path("w.json"), SAY), "--quiet")
    assert (said.out, said.err) == ("say.out: hello\n", "")


# --- wrong input


def deep(n: int) -> str:
    return json.dumps(workflow({})).replace('"nodes": {}', '"nodes": ' + "[" * n + "]" * n)


UNREADABLE = {
    "not JSON": ("{oops", "w.json is not JSON: line 1, column 2"),
    "not a workflow": ("[1, 2]", 'it needs "lovebird": 1 and "nodes"'),
    "empty": ("", "w.json is not JSON"),
    "not text": ("\udcff\udcfe", "w.json is not JSON"),
    "deep": (deep(10_000), "nested too deep"),
    "newer format": ('{"lovebird": 99, "nodes": {}}', "this lovebird reads 1 to 1: update it"),
    "wrong version": ('{"lovebird": "1", "nodes": {}}', "of format '1'"),
    "duplicate keys": ('{"lovebird": 1, "nodes": {}, "nodes": {}}', "'nodes' is there twice"),
    "NaN": ('{"lovebird": 1, "nodes": {}, "view": NaN}', "NaN is no JSON number"),
    "nodes a list": ('{"lovebird": 1, "nodes": []}', "nodes"),
    "id with a dot": ('{"lovebird": 1, "nodes": {"a.b": {"type": "toys.say"}}}', "'a.b'"),
}


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_workflow_exits_2_with_one_message(cli, name, command):
    text, told = UNREADABLE[name]
    Path("w.json").write_bytes(text.encode(errors="surrogateescape"))
    said = cli(command, "w.json")
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert said.err.count("\n") == 1
    error = cli(command, "w.json", "--json").json["error"]
    assert error["code"] == 2
    assert told in error["text"]


WRONG = {
    "unknown node type": ({"say": ("toys.sya", {})}, "did you mean 'toys.say'?"),
    "wrong type": ({"say": ("toys.say", {"text": 5})}, "say.text: 5 came; text"),
    "out of range": (
        {"say": ("toys.say", {"text": "a", "times": 10})},
        "say.times: 10 came; a number from 1 to 9 was wanted",
    ),
    "not whole": ({"say": ("toys.say", {"text": "a", "times": 1.5})}, "say.times: 1.5 came"),
    "not offered": (
        {"say": ("toys.say", {"text": "a", "style": "soft"})},
        "say.style: 'soft' came; one of 'plain', 'loud' was wanted",
    ),
    "missing input": ({"say": ("toys.say", {})}, "say.text: nothing came; str was wanted"),
    "unknown input": ({"say": ("toys.say", {"text": "a", "tims": 1})}, "did you mean 'times'?"),
    "link to nothing": (
        {"say": ("toys.say", {"text": {"from": "gone"}})},
        "say.text: linked to 'gone', which is not there",
    ),
    "link of a wrong type": (
        {"say": ("toys.say", {"text": "a"}), "add": ("toys.add", {"a": {"from": "say.out"}})},
        "add.a: str came from say.out; float was wanted",
    ),
    "cycle": (
        {"a": ("toys.say", {"text": {"from": "b"}}), "b": ("toys.say", {"text": {"from": "a"}})},
        "feeds itself: a -> b -> a",
    ),
    "long text": (
        {"say": ("toys.say", {"text": "a" * 10_000_000})},
        "text of at most 100,000 characters was wanted",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_workflow_exits_1_and_names_the_place(cli, name):
    nodes, told = WRONG[name]
    put(Path("w.json"), nodes)
    checked = cli("check", "w.json")
    assert (checked.code, checked.err) == (1, "")
    assert told in checked.out
    assert len(checked.out) < 2000
    ran = cli("run", "w.json")
    assert (ran.code, ran.out) == (1, "")
    assert told in ran.err
    facts = cli("check", "w.json", "--json").json
    assert facts["ok"] is False
    assert {"kind", "node", "socket", "text"} == set(facts["problems"][0])


def test_check_lists_all_problems_at_once(cli):
    put(Path("w.json"), {"a": ("toys.say", {"times": 0}), "b": ("toys.nothing", {})})
    assert cli("check", "w.json").out.count("\n") == 3


def test_check_is_happy_with_a_good_workflow(cli):
    put(Path("w.json"), PIPE)
    assert cli("check", "w.json").out == "w.json: no problems\n"
    assert cli("check", "w.json", "--json").json == {"ok": True, "problems": []}


@pytest.mark.parametrize("name", ["../up.txt", "/tmp/up.txt", "C:\\up.txt", "a/../../up.txt"])
def test_no_name_leads_out_of_the_roots(cli, name):
    put(Path("w.json"), {"write": ("toys.write", {"text": "a", "name": name})})
    said = cli("run", "w.json", "--out", "made/here")
    assert said.code == 1
    assert "use a name inside" in said.err
    assert not list(cli.folder.rglob("*up.txt"))


def test_a_link_in_a_root_that_leads_out_is_refused(cli, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_text("secret")
    os.symlink(outside, "way")
    put(Path("w.json"), {"read": ("toys.read", {"file": "way/secret.txt"})})
    said = cli("run", "w.json")
    assert said.code == 1
    assert "leads out of" in said.err


USAGE = {
    "no command": (["fly"], "No such command 'fly'"),
    "no file": (["run"], "Missing argument 'FILE'"),
    "absent file": (["run", "gone.json"], "can't read gone.json: No such file"),
    "folder": (["run", "."], "is a folder"),
    "NUL": (["run", "a\0b"], "can't read"),
    "unknown option": (["run", "w.json", "--sed", "1"], "No such option"),
    "seed no number": (["run", "w.json", "--seed", "x"], "not a valid integer"),
    "no value": (["run", "w.json", "--set", "say.text"], "write node.input=value"),
    "no input": (["run", "w.json", "--set", "say=1"], "is no address"),
    "wrong node": (["run", "w.json", "--set", "sya.text=1"], "did you mean 'say'?"),
    "wrong input": (["run", "w.json", "--set", "say.txt=1"], "did you mean 'text'?"),
    "wrong value": (["run", "w.json", "--set", "say.times=many"], "'many' came"),
    "out of range": (["run", "w.json", "--set", "say.times=99"], "a number from 1 to 9"),
    "wrong choice": (["run", "w.json", "--set", "say.style=soft"], "one of 'plain', 'loud'"),
    "wrong target": (["run", "w.json", "--target", "sy"], "did you mean 'say'?"),
    "no input folder": (["run", "w.json", "--input", "gone"], "there is no such folder"),
    "out is a file": (["run", "w.json", "--out", "w.json/x"], "is no folder"),
    "not a plugin switch": (["-p", "halftone", "nodes"], "write no:NAME"),
    "no such node": (["describe", "toys.sya"], "did you mean 'toys.say'?"),
    "no such table": (["run", "w.json", "--sweep", "gone.csv"], "can't read gone.csv"),
    "no such kind": (["run", "w.json", "--sweep", "w.json"], "must end in one of"),
    "no such example": (["new", "x", "--from", "lovebrd"], "there is no example 'lovebrd'"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage_exits_2_with_one_message_and_a_remedy(cli, name):
    args, told = USAGE[name]
    put(Path("w.json"), SAY)
    said = cli(*args)
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert said.err.startswith("lovebird: ")
    assert "Traceback" not in said.err
    assert not Path("outputs").exists()


def test_an_output_folder_that_cannot_be_written_is_told_before_anything_runs(cli, monkeypatch):
    put(Path("w.json"), PIPE)
    monkeypatch.setattr(os, "access", lambda *_: False)
    said = cli("run", "w.json", "--out", "made")
    assert (said.code, said.out) == (2, "")
    assert "can't be written; choose another folder" in said.err


def test_a_full_disk_is_one_message(cli):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "w") as full:
        said = cli.process("schema", stdout=full)
    assert said.code == 1
    assert said.err.startswith("lovebird: No space left on device")
    assert said.err.count("\n") == 1


def test_a_reader_that_goes_away_ends_it_without_a_word(cli):
    process = cli.start("schema")
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert err == ""


def test_any_terminal_will_do(cli):
    put(Path("w.json"), {"say": ("toys.say", {"text": "ein Vögelchen, 愛"})})
    said = cli.process("run", "w.json", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert said.code == 0
    assert said.out == "say.out: ein V\\xf6gelchen, \\u611b\n"
    facts = cli.process("run", "w.json", "--json", env={"PYTHONIOENCODING": "ascii"}).json
    assert facts["outputs"]["say.out"] == "ein Vögelchen, 愛"


def test_a_bug_is_one_message_and_a_traceback_on_demand(cli, monkeypatch):
    monkeypatch.setattr("lovebird.plugins.manager.built_in", lambda: 1 / 0)
    said = cli("nodes")
    assert said.code == 1
    assert "ZeroDivisionError" in said.err
    assert "LOVEBIRD_DEBUG=1" in said.err
    assert said.err.count("\n") == 1
    monkeypatch.setenv("LOVEBIRD_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli("nodes")


def test_ctrl_c_exits_130_and_the_next_run_works(cli):
    nodes = {"wait": ("toys.interrupt", {}), "say": ("toys.say", {"text": "hello"})}
    put(Path("w.json"), nodes)
    said = cli.process("run", "w.json")
    assert said.code == 130
    assert said.err.endswith("lovebird: stopped\n")
    assert "Traceback" not in said.err
    assert Path("outputs/started").exists()
    again = cli.process("run", "w.json")
    assert (again.code, sorted(again.out.splitlines())) == (
        0,
        ["say.out: hello", "wait.out: second time"],
    )


# --- the other commands


def test_nodes_lists_ids_and_titles(cli):
    said = cli("nodes", "toys")
    assert "toys.say" in said.out
    assert "Write a text to a file" in said.out
    assert "text.encode" not in said.out


def test_the_catalogue_has_all_that_an_editor_needs(cli):
    found = {n["id"]: n for n in cli("nodes", "--json").json}
    say = found["toys.say"]
    assert (say["title"], say["plugin"], say["lane"], say["version"]) == ("Say", "toys", "cpu", 1)
    assert say["help"] == "Repeat a text."
    ports = {p["name"]: p for p in say["inputs"]}
    assert ports["text"]["required"] is True
    assert ports["times"]["default"] == 1
    assert ports["times"]["widget"] == {"widget": "slider", "low": 1, "high": 9, "step": None}
    assert ports["style"]["widget"]["options"] == ["plain", "loud"]
    assert say["outputs"] == [{"name": "out", "type": "str", "colour": "#7cc47f"}]


def test_describe_shows_a_node(cli):
    said = cli("describe", "toys.say")
    assert said.out.startswith("Say (toys.say, version 1, from toys, runs in lane cpu)")
    assert "Repeat a text." in said.out
    assert "1 to 9" in said.out
    assert cli("describe", "toys.say", "--json").json["id"] == "toys.say"


def test_plugins_lists_what_failed_and_why(cli, monkeypatch):
    from lovebird.plugins import manager

    def broken():
        raise RuntimeError("no licence")

    toy = manager.Candidate("broken", "broken 0.1", broken)
    monkeypatch.setattr(manager, "installed", lambda: [toy])
    said = cli("plugins")
    assert said.code == 0
    assert "RuntimeError: no licence" in said.out
    assert "-p no:broken" in said.out
    assert "Traceback" in cli("plugins", "-v").out
    facts = {p["name"]: p for p in cli("plugins", "--json").json}
    assert facts["broken"]["state"] == "failed"


@pytest.mark.parametrize("args", [["-p", "no:toys", "nodes"], ["nodes", "-p", "no:toys"]])
def test_a_plugin_is_left_out_before_or_after_the_command(cli, args):
    assert "toys.say" in cli("nodes").out
    assert "toys.say" not in cli(*args).out


def test_leaving_out_an_unknown_plugin_is_a_warning(cli):
    said = cli("nodes", "-p", "no:tosy")
    assert said.code == 0
    assert "did you mean 'toys'?" in said.err


def test_an_installed_plugin_is_found(cli):
    assert "toys.say" in cli.process("nodes").out


def test_schema_is_a_json_schema(cli):
    schema = cli("schema").json
    assert schema["properties"]["nodes"]


def test_the_cache_is_measured_and_cleared(cli):
    assert cli("cache", "size", "--json").json["bytes"] == 0
    entry = Path("cache/ab/cd.safetensors")
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b"x" * 1024)
    assert cli("cache", "size", "--json").json["bytes"] == 1024
    assert "of at most" in cli("cache").out
    assert cli("cache", "clear").code == 0
    assert not entry.exists()


def test_help_and_version(cli):
    assert cli().out == cli("--help").out
    assert "Exit codes: 0 ok" in cli("--help").out
    assert cli("--version").out.startswith("lovebird ")
    assert cli("run", "--help").code == 0


def test_python_dash_m_is_the_same(cli):
    assert cli.process("--version").out.startswith("lovebird ")


def test_the_command_is_installed():
    script = Path(sys.executable).with_name("lovebird")
    if not script.exists():
        pytest.skip("the package is not installed here")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lovebird ")


# --- pictures that carry a workflow


def test_a_picture_that_carries_its_workflow_is_accepted_where_a_workflow_is(cli):
    from lovebird.nodes.metadata import Png

    put(Path("w.json"), SAY)
    blank = pytest.importorskip("PIL.Image").new("RGB", (4, 4))
    blank.save("blank.png")
    picture = Png().embed(Path("blank.png").read_bytes(), Path("w.json").read_text())
    Path("carries.png").write_bytes(picture)
    assert cli("run", "carries.png").out == "say.out: hello\n"
    assert cli("check", "carries.png").code == 0
    said = cli("run", "blank.png")
    assert said.code == 2
    assert "carries no workflow" in said.err


def test_new_writes_a_workflow_and_never_over_a_file(cli):
    said = cli("new", "mine")
    assert (said.code, said.out.startswith("wrote mine.json")) == (0, True)
    assert cli("check", "mine.json").code == 0
    again = cli("new", "mine")
    assert again.code == 2
    assert "there already" in again.err
    assert "lovebird" in cli("new", "--list").out
