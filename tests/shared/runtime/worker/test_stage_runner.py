"""A stage's child process: it responds, refuses, crashes, hangs, is cancelled or orphaned."""

import asyncio
import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from humanpose3d.api_models import Advance
from humanpose3d.errors import ScratchFull, StageCrashed
from humanpose3d.options import RunOptions, StageReport, Subject
from shared.runtime.worker import stage_runner
from shared.runtime.worker.stage_child import StageJob
from shared.runtime.worker.stage_runner import Refused, StageProcess

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage() -> AsyncIterator[StageProcess]:
    made = StageProcess("tests.stub_stage:FIRST", silence_s=20)
    yield made
    await made.close()


@pytest.fixture
def job(tmp_path):
    def make(wish: str) -> StageJob:
        folder = tmp_path / wish.split()[0]
        for name in ("work", "outputs"):
            (folder / name).mkdir(parents=True)
        (folder / "video.mp4").write_text(wish, encoding="utf-8")
        return StageJob(
            inputs={"video": folder / "video.mp4"},
            subject=Subject(height=1.78, weight=75),
            options=RunOptions(),
            workdir=folder / "work",
            outputs=folder / "outputs",
        )

    return make


def unheard(frames: Advance) -> None:
    pass


async def test_it_declares_its_inputs_and_returns_files(stage, job):
    assert await stage.inputs() == {"video"}
    heard: list[Advance] = []
    done = await stage.run(job("walk"), heard.append)
    assert heard == [Advance(done=1, total=2)]
    assert done.artefacts["landmarks"].read_text() == "landmarks of walk"
    assert done.artefacts["landmarks"].suffix == ".txt"
    assert StageReport.model_validate_json(done.artefacts["report"].read_bytes()).facts == {"wish": "walk"}
    assert "preview" not in done.artefacts
    assert done.sha256 == {"video": hashlib.sha256(b"walk").hexdigest()}


async def test_a_refusal_returns_the_problem_and_the_process_continues(stage, job):
    with pytest.raises(Refused) as refused:
        await stage.run(job("refuse"), unheard)
    assert refused.value.problem.code == "unreadable-video"
    assert refused.value.problem.detail == "This is no video. Send another."
    process = stage._process
    await stage.run(job("walk"), unheard)
    assert stage._process is process


@pytest.mark.parametrize("wish", ["fill", "overfill"])
async def test_a_full_disk_is_named_and_the_process_continues(stage, job, wish):
    with pytest.raises(ScratchFull, match="disk for work in progress is full"):
        await stage.run(job(wish), unheard)
    process = stage._process
    await stage.run(job("walk"), unheard)
    assert stage._process is process


async def test_an_internal_error_is_logged_and_not_shown_to_the_user(stage, job, caplog):
    with pytest.raises(StageCrashed) as crashed:
        await stage.run(job("fault"), unheard)
    assert "an internal fault" not in str(crashed.value)
    assert "RuntimeError: an internal fault" in caplog.text


async def test_a_killed_process_is_a_crash_and_is_restarted(stage, job):
    with pytest.raises(StageCrashed, match="-9"):
        await stage.run(job("die"), unheard)
    await stage.run(job("walk"), unheard)


async def test_a_silent_stage_is_stopped(job):
    stage = StageProcess("tests.stub_stage:FIRST", silence_s=2)
    with pytest.raises(StageCrashed, match="said nothing"):
        await stage.run(job("hang"), unheard)
    await stage.close()


async def test_a_cancelled_stage_stops_by_itself(stage, job, tmp_path, monkeypatch):
    monkeypatch.setenv("STUB_CANCELLED", str(tmp_path / "cancelled"))
    monkeypatch.setattr(stage_runner, "_CANCEL_PATIENCE_S", 60)
    at_work = asyncio.Event()
    running = asyncio.create_task(stage.run(job("work 60"), lambda _: at_work.set()))
    await at_work.wait()
    process = stage._process
    running.cancel()
    await asyncio.wait({running})
    assert (tmp_path / "cancelled").read_text() == "cancelled"
    await stage.run(job("walk"), unheard)
    assert stage._process is process


async def test_a_cancelled_stage_that_does_not_respond_is_killed(stage, job):
    await stage.inputs()
    running = asyncio.create_task(stage.run(job("hang"), unheard))
    await asyncio.sleep(0.3)
    process, started = stage._process, time.monotonic()
    running.cancel()
    await asyncio.wait({running})
    assert time.monotonic() - started < 4
    assert process.returncode == -signal.SIGKILL
    await stage.run(job("walk"), unheard)


async def test_a_stage_that_cannot_be_imported_is_a_crash():
    stage = StageProcess("tests.stub_stage:NO_SUCH", silence_s=20)
    with pytest.raises(StageCrashed):
        await stage.inputs()


def test_the_process_ends_with_its_parent(tmp_path):
    """The parent is killed during a job; the child must not continue without a parent."""
    (tmp_path / "video.mp4").write_text("hang")
    program = f"""
import asyncio
from pathlib import Path
from humanpose3d.options import RunOptions, Subject
from humanpose3d.api_models import Advance
from shared.runtime.worker import stage_runner
from shared.runtime.worker.stage_child import StageJob
from shared.runtime.worker.stage_runner import StageProcess
async def main():
    stage = StageProcess("tests.stub_stage:FIRST", 600)
    await stage.inputs()
    print(stage._process.pid, flush=True)
    folder = Path({str(tmp_path)!r})
    job = StageJob(inputs=dict(video=folder / "video.mp4"), subject=Subject(height=1.7, weight=70),
                   options=RunOptions(), workdir=folder, outputs=folder)
    await stage.run(job, lambda fraction: print("working", flush=True))
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert parent.stdout.readline() == "working\n"
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while _is_alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
