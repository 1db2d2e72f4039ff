"""A live window that shows the detection, where there is a display."""

from types import ModuleType
from typing import Final, Self

from services.detector.video.orientation import Image, shrunk

LONGEST_SIDE: Final = 800
"""Pixels: fits every screen, and costs a few milliseconds a frame."""


class NoDisplay(Exception):
    """No window can be opened; the message states why."""


class Window:
    """A window on the user's screen, as a context manager. Once the user closes it, nothing more is shown.

    Raises NoDisplay where Python has no tkinter or the machine no display.
    """

    def __init__(self, title: str) -> None:
        self._tkinter = _tkinter()
        try:
            self._root = self._tkinter.Tk()
        except self._tkinter.TclError:
            raise NoDisplay("there is no display to open it on; run it on a desktop, or with ssh -X") from None
        self._open = True
        self._photo: object = None  # Tk keeps no reference of its own
        self._root.title(title)
        self._root.protocol("WM_DELETE_WINDOW", self._close)
        self._label = self._tkinter.Label(self._root)
        self._label.pack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def show(self, image: Image) -> None:
        """Replace what the window shows; RGB."""
        if not self._open:
            return
        self._photo = self._tkinter.PhotoImage(data=as_ppm(image), format="PPM")
        self._label.configure(image=self._photo)
        self._root.update()

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._photo = None  # while Tk still exists to release it
            self._root.destroy()


def as_ppm(image: Image) -> bytes:
    """The image, scaled to fit the window, as PPM, which Tk reads without further libraries."""
    small = shrunk(image, LONGEST_SIDE)
    height, width, _ = small.shape
    return b"P6 %d %d 255\n" % (width, height) + small.tobytes()


def _tkinter() -> ModuleType:
    try:
        import tkinter
    except ImportError:
        raise NoDisplay(
            "this Python has no tkinter; install it (Debian and Ubuntu: python3-tk, Fedora: python3-tkinter, Homebrew: "
            "python-tk)"
        ) from None
    return tkinter
