"""The detector service: `python -m services.detector.app`."""

from typing import Any

from shared.runtime.settings import Settings
from shared.stage import Stage


def stage() -> Stage[Any, Any]:
    """The detector with the limits from the server's settings, built in the stage's process. Raises InvalidSetting."""
    from services.detector.limits import Limits, limited  # late: the worker's process does not load it

    settings = Settings.from_environment()
    return limited(Limits(settings.max_video_pixels, settings.max_video_s))


if __name__ == "__main__":
    from shared.runtime.worker.app import serve  # late: the stage's process does not load it

    serve("detector", {"detector": "services.detector.app:stage"})
