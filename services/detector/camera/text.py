"""Orientation of text in an image, by `tesseract` where installed: signs and screens are usually upright."""

import shutil
import subprocess
from typing import Final

import cv2

from services.detector.video.orientation import Image, turned

SAMPLES: Final = 2
CONFIDENT: Final = 70.0
"""Minimum confidence reported by tesseract, percent: below it, edges and textures are read as words."""

MIN_LETTERS: Final = 6
MIN_WORD: Final = 3
CLEARLY: Final = 2.0
"""Minimum ratio of letters to those in the next best turn."""

_TIMEOUT_S: Final = 10.0
_COLUMNS: Final = 12
_ARGUMENTS: Final = ("stdin", "stdout", "--psm", "11", "tsv")
"""Page segmentation: sparse text in no order; output: a table of words."""


def text_turn(images: list[Image]) -> int | None:
    """Degrees clockwise by which images have to be turned so that their text can be read.

    None where nothing can be read for certain, or tesseract is not installed or fails.
    """
    tesseract = shutil.which("tesseract")
    if tesseract is None or not images:
        return None
    chosen = [images[index * (len(images) - 1) // max(1, SAMPLES - 1)] for index in range(SAMPLES)]
    letters = {
        degrees: sum(_letters(tesseract, turned(image, degrees)) for image in chosen) for degrees in (0, 90, 180, 270)
    }
    best, second = sorted(letters, key=lambda degrees: letters[degrees], reverse=True)[:2]
    certain = letters[best] >= max(MIN_LETTERS, CLEARLY * letters[second])
    return best if certain else None


def letters_read(table: str) -> int:
    """Letters and digits in the words that were read with confidence, from tesseract's TSV."""
    count = 0
    for line in table.splitlines()[1:]:
        cells = line.split("\t")
        if len(cells) == _COLUMNS and float(cells[10]) >= CONFIDENT:
            word = sum(character.isalnum() for character in cells[11])
            count += word if word >= MIN_WORD else 0
    return count


def _letters(tesseract: str, image: Image) -> int:
    _, encoded = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    try:
        done = subprocess.run(
            [tesseract, *_ARGUMENTS], input=encoded.tobytes(), capture_output=True, timeout=_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return letters_read(done.stdout.decode("utf-8", "replace"))
