"""A picture carries the graph that made it, and nothing that it should not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PIL")

from lovebird.graph.context import Context
from lovebird.graph.errors import NodeError
from lovebird.graph.roots import Roots
from lovebird.graph.types import Image
from lovebird.nodes import files, metadata

DOCUMENT = {"lovebird": 1, "name": "Röd fågel 🐦", "nodes": {}}


def save(folder: Path, document: object, **more: Any) -> Path:
    ctx = Context(roots=Roots(outputs=folder), workflow=document)
    image = Image(np.full((1, 4, 5, 3), 0.5, np.float32))
    return folder / files.save(ctx, image, **more).files[0]


def test_a_workflow_survives_the_trip_through_a_png(tmp_path: Path) -> None:
    assert json.loads(metadata.extract(save(tmp_path, DOCUMENT)) or "") == DOCUMENT


def test_a_workflow_of_two_megabytes_survives(tmp_path: Path) -> None:
    text = json.dumps({"x": "bird " * 400_000})
    path = tmp_path / "p.png"
    path.write_bytes(metadata.embed(path, files.png(np.zeros((2, 2, 3), np.uint8)), text))
    assert metadata.extract(path) == text


def test_pillow_reads_the_text_too(tmp_path: Path) -> None:
    from PIL import Image as Pil

    with Pil.open(save(tmp_path, DOCUMENT)) as picture:
        assert json.loads(picture.info["lovebird"]) == DOCUMENT


def test_embedding_again_replaces_the_old_text(tmp_path: Path) -> None:
    path = save(tmp_path, DOCUMENT)
    path.write_bytes(metadata.embed(path, path.read_bytes(), '{"new": 1}'))
    assert metadata.extract(path) == '{"new": 1}'
    assert path.read_bytes().count(b"iTXt") == 1


def test_keys_and_paths_of_this_machine_stay_out(tmp_path: Path) -> None:
    inputs = {
        "api_key": "sk-123",
        "file": "/home/ann/cat.png",
        "text": "either/or",
        "win": "C:\\a\\b",
    }
    path = save(tmp_path, {"nodes": {"n": {"inputs": inputs}}})
    kept = json.loads(metadata.extract(path) or "")["nodes"]["n"]["inputs"]
    assert kept == {"api_key": "", "file": "cat.png", "text": "either/or", "win": "b"}
    assert b"sk-123" not in path.read_bytes() and b"ann" not in path.read_bytes()


def test_a_picture_may_be_saved_without_its_graph(tmp_path: Path) -> None:
    assert metadata.extract(save(tmp_path, DOCUMENT, workflow=False)) is None


@pytest.mark.parametrize(
    "data", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\xff" * 50]
)
def test_other_and_broken_files_carry_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(data)
    assert metadata.extract(path) is None


def test_a_format_that_carries_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="can't carry a workflow"):
        metadata.embed(tmp_path / "x.bmp", b"", "{}")


def test_reading_needs_no_heavy_library() -> None:
    code = (
        "import sys, lovebird.nodes.metadata;"
        "sys.exit(bool({'torch', 'diffusers', 'transformers', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
