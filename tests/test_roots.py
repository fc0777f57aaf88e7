"""Roots: no name leads out of them."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lovebird import NodeError
from lovebird.graph.roots import Roots, inside

BAD = [
    "../up", "a/../../up", "..\\up", "C:\\x", "c:x", "\\\\host\\share", "a\0b", "", "..",
    "a/..", "/etc/passwd", "con", "a/NUL.png", "~/../../x", "com1",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(NodeError):
        inside(tmp_path, name)


@given(
    st.lists(st.sampled_from(["..", ".", "a", "/", "\\", "%2e%2e", "\0", "C:", "~", "x.png", " "]))
)
@settings(max_examples=300, deadline=None)
def test_whatever_the_name_the_path_is_inside(tmp_path_factory, parts):
    root = tmp_path_factory.getbasetemp()
    try:
        path = inside(root, "".join(parts))
    except NodeError:
        return
    assert path == root.resolve() or root.resolve() in path.parents


def test_an_absolute_path_inside_a_root_is_fine(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    assert inside(tmp_path, str(tmp_path / "a.png")) == (tmp_path / "a.png").resolve()


def test_a_symbolic_link_out_of_the_root_is_refused(tmp_path):
    (tmp_path / "root").mkdir()
    os.symlink(tmp_path, tmp_path / "root" / "door")
    with pytest.raises(NodeError, match="leads out"):
        inside(tmp_path / "root", "door/secret")


def test_the_first_root_that_has_the_file_wins_and_a_missing_one_says_where_it_looked(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "two" / "a.png").write_bytes(b"x")
    roots = Roots(inputs=(tmp_path / "one", tmp_path / "two"), outputs=Path("out"))
    assert roots.find("a.png").parent.name == "two"
    with pytest.raises(NodeError, match=r"no file 'b.png' in one/, two/.*--input"):
        roots.find("b.png")
