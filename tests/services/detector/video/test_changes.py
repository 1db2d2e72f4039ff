from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from services.detector.video.changes import ChangeMeter, Changes, repeated_images
from services.detector.video.orientation import Image
from services.detector.video.planes import Planes


def seen(images: Sequence[Image]) -> Changes:
    meter = ChangeMeter()
    for index, image in enumerate(images):
        meter.see(index / 30, Planes.of(image), None, counts=True)
    return meter.changes()


def scene(seed: int) -> Image:
    """Smooth shapes in random colours."""
    small = np.random.default_rng(seed).integers(0, 255, (9, 16, 3), dtype=np.uint8)
    return cv2.resize(small, (320, 180), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def test_a_moving_person_repeats_no_image(images):
    changes = seen(images[::2])  # at 30 Hz, people in the sample move too little from image to image to tell
    assert (changes.repeated, changes.cuts) == (0, ())
    assert changes.compared >= 10


@pytest.mark.parametrize("times", [2, 4])
def test_images_that_are_stored_several_times_are_counted(images, times):
    changes = seen([image for image in images[::4] for _ in range(times)])
    assert changes.repeated / changes.compared == pytest.approx(1 - 1 / times, abs=0.05)
    assert not changes.cuts


def test_repeats_are_found_after_encoding(clip, images):
    from services.detector.video.reader import Video

    path = clip("four.mp4", images=[image for image in images[::4] for _ in range(4)], rate=60)
    with Video(path) as video:
        changes = seen([frame.image for frame in video.frames()])
    assert changes.repeated / changes.compared == pytest.approx(0.75, abs=0.08)


def test_a_person_who_stops_moving_is_no_repetition():
    slowing = np.abs(np.sin(np.linspace(0, 6 * np.pi, 90))) * 6
    repeated, compared = repeated_images(slowing)
    assert repeated <= 0.05 * compared
    assert repeated_images(np.full(50, 0.1)) == (0, 0)  # nothing moves


def test_a_cut_to_another_scene_is_found_at_its_frame():
    shown = [scene(1)] * 12 + [scene(2)] * 12
    assert list(seen(shown).cuts) == pytest.approx([12 / 30])


def test_a_flash_a_lamp_and_a_movement_are_no_cut(images):
    flash = [scene(1)] * 8 + [np.full_like(scene(1), 250)] + [scene(1)] * 8
    lamp = [(scene(1) * 0.4).astype(np.uint8)] * 8 + [scene(1)] * 8
    for shown in (flash, lamp, images, images[::3]):
        assert seen(shown).cuts == ()
