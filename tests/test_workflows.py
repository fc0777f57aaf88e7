"""The example workflows run from end to end, here on tiny random models under the real names."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

import tiny_models as tiny  # noqa: E402
from PIL import Image as Pil  # noqa: E402

from lovebird.graph.engine import Engine, RunFailed  # noqa: E402
from lovebird.graph.roots import Roots  # noqa: E402
from lovebird.graph.workflow import Workflow  # noqa: E402
from lovebird.nodes import metadata  # noqa: E402
from lovebird.nodes.models.source import Folder  # noqa: E402
from lovebird.plugins import hookimpl  # noqa: E402
from lovebird.plugins.manager import Candidate, Plugins  # noqa: E402
from lovebird.plugins.session import open_engine  # noqa: E402

WORKFLOWS = Path(__file__).parent.parent / "workflows"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    tiny.save(tiny.sd_pipeline(), home / "fledgling")
    base = tiny.sdxl_pipeline()
    tiny.save(base, home / "models/stabilityai/stable-diffusion-xl-base-1.0")
    tiny.save(
        tiny.refiner_pipeline(base), home / "models/stabilityai/stable-diffusion-xl-refiner-1.0"
    )
    noise = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    Pil.fromarray(noise).save(home / "picture.png")
    return home


@pytest.fixture(scope="module")
def plugins(home: Path) -> Plugins:
    class Shipped:
        @hookimpl
        def register_model_sources(self) -> list[Folder]:
            return [Folder("shipped", {"fledgling-image": home / "fledgling"})]

    return Plugins.load(off={"fledgling"}, candidates=[Candidate("shipped", "test", Shipped)])


@pytest.fixture
def engine(home: Path, plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    roots = Roots(inputs=(home,), outputs=tmp_path / "outputs", models=(home / "models",))
    engine = open_engine(roots=roots, disk=False, device="cpu", plugins=plugins)
    yield engine
    engine.close()


def small(name: str) -> Workflow:
    """The workflow with few steps; nothing else is changed."""
    workflow = Workflow.load(WORKFLOWS / f"{name}.json")
    for entry in workflow.nodes.values():
        if isinstance(entry.inputs.get("steps"), int):
            entry.inputs["steps"] = 5 if name == "sdxl_refiner" else 2
        entry.inputs.pop("variant", None)
    return workflow


NAMES = ["text_to_image", "image_to_image", "sdxl_refiner", "prompt_grid", "xy_plot"]


@pytest.mark.parametrize("name", ["lovebird", *NAMES])
def test_the_example_runs_and_its_picture_carries_it(engine: Engine, name: str) -> None:
    workflow = small(name)
    assert engine.check(workflow) == []
    result = engine.run(workflow)
    for file in result["save.files"]:
        text = metadata.extract(engine.context.roots.outputs / file)
        assert text is not None
        assert Workflow.read(text).nodes.keys() == workflow.nodes.keys()


def test_another_seed_runs_only_what_depends_on_it(engine: Engine) -> None:
    workflow = small("lovebird")
    engine.run(workflow)
    workflow.set("sample.seed", 7)
    assert set(engine.run(workflow).ran) == {"sample", "decode", "enlarge", "save", "view"}


def test_another_prompt_loads_nothing_again(engine: Engine) -> None:
    workflow = small("lovebird")
    engine.run(workflow)
    workflow.set("prompt.text", "a sad cat")
    assert set(engine.run(workflow).ran) == {
        "prompt", "sample", "decode", "enlarge", "save", "view"
    }  # fmt: skip


def test_another_folder_for_the_output_samples_nothing(engine: Engine) -> None:
    workflow = small("lovebird")
    engine.run(workflow)
    workflow.set("save.prefix", "album/lovebird")
    assert set(engine.run(workflow).ran) == {"save", "view"}


def test_a_changed_input_picture_is_read_again(engine: Engine, home: Path) -> None:
    workflow = small("image_to_image")
    engine.run(workflow)
    Pil.new("RGB", (70, 50), "red").save(home / "picture.png")
    assert "sample" in engine.run(workflow).ran


def test_latents_of_another_family_are_refused_by_name(engine: Engine) -> None:
    workflow = small("sdxl_refiner")
    workflow.nodes["other"] = small("lovebird").nodes["model"]
    workflow.nodes["decode"].inputs["vae"] = {"from": "other.vae"}
    with pytest.raises(RunFailed, match=r"latents of 'sdxl-4x2' came; this VAE wants 'sd-4x2'"):
        engine.run(workflow)
