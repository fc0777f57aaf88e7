"""Unpack the npm packages of emoji art."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path


def unpack(tarballs: Path, into: Path) -> Path:
    """Unpack every `.tgz` in `tarballs` to a folder of its name under `into`; returns `into`.

    Packages that are there already are left alone. tarfile's "data" filter refuses links and
    names that lead out of the folder.
    """
    found = sorted(tarballs.glob("*.tgz"))
    if not found:
        raise FileNotFoundError(f"no .tgz in {tarballs}: docs/fledgling.md has the lines to fetch")
    for path in found:
        target = into / path.stem
        if not (target / "package").is_dir():
            part = target.with_name(target.name + ".part")
            shutil.rmtree(part, ignore_errors=True)
            with tarfile.open(path) as archive:
                archive.extractall(part, filter="data")
            part.rename(target)
    return into
