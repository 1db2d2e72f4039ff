"""Videos are read back as written."""

from fractions import Fraction

import av
import numpy as np

from training.scene.video import write_video


def test_frames_keep_their_number_and_their_times(tmp_path):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(12)]
    write_video(tmp_path / "a.mp4", frames, Fraction(30000, 1001), 23)
    with av.open(tmp_path / "a.mp4") as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert np.allclose(times, np.arange(12) * 1001 / 30000, atol=1e-4)
