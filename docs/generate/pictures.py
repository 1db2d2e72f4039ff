"""Draws the pages' pictures into docs/pictures: `python -m docs.generate.pictures`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.generate import anatomy, architecture, filming
from docs.generate.drawing import Drawing

FOLDER: Final = Path(__file__).resolve().parents[1] / "pictures"

PICTURES: Final[Mapping[str, Callable[[], Drawing]]] = {
    "film_setup": filming.setup,
    "film_views": filming.views,
    "film_framing": filming.framing,
    "film_tilt": filming.tilt,
    "film_light": filming.light,
    "film_clothing": filming.clothing,
    "segment_frames": anatomy.segment_frames,
    "signs": anatomy.signs,
    "worlds": anatomy.worlds,
    "pipeline": architecture.pipeline,
    "house": architecture.house,
}


def main() -> None:
    """Draw all."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
