import sys
from collections.abc import Callable
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from services.detector.display.window import NoDisplay, Window, as_ppm


class FakeTk:
    """Replaces tkinter where there is no display: records the calls."""

    TclError = RuntimeError

    def __init__(self) -> None:
        self.done: list[str] = []
        self.close_button: Callable[[], None] = lambda: None

    def Tk(self):  # noqa: N802 (tkinter's own name)
        def protocol(name, action):
            self.close_button = action

        note = self.done.append
        return SimpleNamespace(
            title=lambda text: note("title"),
            protocol=protocol,
            update=lambda: note("update"),
            destroy=lambda: note("destroy"),
        )

    def Label(self, root):  # noqa: N802
        return SimpleNamespace(pack=lambda: None, configure=lambda image: self.done.append(f"show {image}"))

    def PhotoImage(self, data, format):  # noqa: A002, N802
        return f"{format} of {len(data)} bytes"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_without_a_display_there_is_no_window(monkeypatch):
    pytest.importorskip("tkinter")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(NoDisplay, match="no display"):
        Window("title")


def test_without_tkinter_there_is_no_window(monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(NoDisplay, match="no tkinter"):
        Window("title")


def test_a_window_shows_until_it_is_closed(monkeypatch):
    tkinter = FakeTk()
    monkeypatch.setitem(sys.modules, "tkinter", tkinter)
    image = np.zeros((10, 20, 3), np.uint8)
    with Window("title") as window:
        window.show(image)
        tkinter.close_button()
        window.show(image)
    assert tkinter.done == ["title", "show PPM of 613 bytes", "update", "destroy"]


def test_an_image_is_scaled_to_fit():
    image = np.zeros((1600, 400, 3), np.uint8)
    image[:, 200:] = (10, 20, 30)
    small = cv2.imdecode(np.frombuffer(as_ppm(image), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert small is not None
    assert small.shape == (800, 200, 3)
    assert tuple(small[400, 150]) == (10, 20, 30)
