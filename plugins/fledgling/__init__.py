"""fledgling: the small models that ship with lovebird, so that every workflow runs at once."""

from pathlib import Path

from ...nodes.models.source import Folder
from .. import hookimpl

_HERE = Path(__file__).parent

#: Model name -> folder here.
MODELS = {"fledgling-image": _HERE / "image"}
ABOUT = {
    "fledgling-image": "Text to image at 64 px in 25 MB: emoji art and a lovebird. 8 steps.",
}
#: CLIP (CLIPModel, 64 px): compares pictures and words.
CLIP = _HERE / "clip"


@hookimpl
def register_model_sources() -> list[Folder]:
    """Offer them by name."""
    return [Folder("fledgling", MODELS, ABOUT, licence="MIT and Apache-2.0 (see NOTICE)")]
