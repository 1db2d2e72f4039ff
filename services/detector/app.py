"""The detector service: `python -m services.detector.app`."""

from typing import Any

from shared.runtime.settings import Settings
from shared.stage import Stage


def stage() -> Stage[Any, Any]:
    """The detector with the limits of this server's settings, in the process of the stage. Raises InvalidSetting."""
    from services.detector.limits import Limits, limited  # late: the worker's own process does without the libraries

    settings = Settings.from_environment()
    return limited(Limits(settings.max_video_pixels, settings.max_video_s))


if __name__ == "__main__":
    from shared.runtime.worker.app import serve  # late: the stage's process does without the server

    serve("detector", {"detector": "services.detector.app:stage"})
