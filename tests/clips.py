"""Short clips for tests that need a video of a person but few frames of it."""

from pathlib import Path

import av

SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "sample.mp4"


def first_frames(count: int, path: Path) -> Path:
    """The sample's first frames, as they are encoded there; returns `path`."""
    with av.open(str(SAMPLE)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in [packet for packet in source.demux(video=0) if packet.dts is not None][:count]:
            packet.stream = stream
            target.mux(packet)
    return path
