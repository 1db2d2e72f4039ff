"""The model files that ship with the project, each verified by its sha256."""

import hashlib
from pathlib import Path
from typing import Final

from humanpose3d.errors import ModelCorrupt, ModelNotFound
from humanpose3d.options import RunOptions

MODELS_DIRECTORY: Final = Path(__file__).resolve().parents[1] / "models"
MANIFEST: Final = "SHA256SUMS"


def shipped(name: str, directory: Path = MODELS_DIRECTORY) -> Path:
    """Path of a shipped model, after checking it against `models/SHA256SUMS`.

    Raises ModelNotFound where the file or its line in the manifest is missing, ModelCorrupt where its hash differs.
    """
    path = directory / name
    expected = _manifest(directory).get(name)
    if expected is None or not path.is_file():
        raise ModelNotFound(f"The model file {name} is missing. Reinstall HumanPose3D, or run 'git checkout models'.")
    if sha256(path) != expected:
        raise ModelCorrupt(
            f"The model file {name} is damaged or was changed: its sha256 is not the one in {MANIFEST}. "
            "Reinstall HumanPose3D, or run 'git checkout models'."
        )
    return path


def within(options: RunOptions, directory: Path) -> RunOptions:
    """The same options with the path of every model replaced by the file of that name in this folder.

    A request to a server can thus only name files in its model folder.
    """
    named = {name: getattr(options, name) for name in RunOptions.model_fields if name.endswith("_path")}
    found = {name: str(directory / Path(path).name) for name, path in named.items() if path is not None}
    return options.model_copy(update=found)


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(directory: Path) -> dict[str, str]:
    """Name → sha256, from a file in the format of `sha256sum`."""
    try:
        lines = (directory / MANIFEST).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {name.lstrip("*"): digest for digest, name in (line.split(maxsplit=1) for line in lines if line.strip())}
