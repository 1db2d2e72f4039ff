"""Short clips for tests that need a video of a person but only a few frames."""

from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np

from services.detector.video.reader import Video

SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "sample.mp4"


def first_frames(count: int, path: Path) -> Path:
    """The sample's first frames, without re-encoding; returns `path`."""
    with av.open(str(SAMPLE)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in [packet for packet in source.demux(video=0) if packet.dts is not None][:count]:
            packet.stream = stream
            target.mux(packet)
    return path


def there_and_back(count: int, path: Path, scale: float = 1.0) -> Path:
    """A clip of the sample, played forwards and backwards in turn without a jump, with the given number of frames."""
    with Video(SAMPLE) as video:
        images = [
            cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for frame in video.frames()
        ]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=60, options={"preset": "veryfast"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in islice(cycle([*images, *images[-2:0:-1]]), count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image.astype(np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    return path
