import os

import pytest

from services.detector.pose.native_logs import suppress_native_logs

CHATTER = (
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    b"W0000 00:00:1795532680.572147   15406 inference_feedback_manager.cc:114] Feedback manager requires\n"
    b"I0000 00:00:1795532680.572147   15406 gl_context_egl.cc:85] Successfully initialized EGL.\n"
)


def test_native_logs_are_dropped_and_everything_else_is_kept(capfd):
    with suppress_native_logs():
        os.write(2, b"ours, before\n" + CHATTER + b"E0000 00:00:1.5 1 a.cc:1] an error\n" + b"ours, after")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err == "ours, before\nE0000 00:00:1.5 1 a.cc:1] an error\nours, after"


def test_standard_error_comes_back_after_an_exception(capfd):
    def fail() -> None:
        os.write(2, b"why\n")
        raise RuntimeError

    with pytest.raises(RuntimeError), suppress_native_logs():
        fail()
    os.write(2, b"and on\n")
    assert capfd.readouterr().err == "why\nand on\n"
