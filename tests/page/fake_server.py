"""A real gateway on a free port, with an in-memory bus and a worker that the test controls."""

import asyncio
import contextlib
import shutil
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from gateway.app import create_app
from humanpose3d.api_models import Advance, Problem
from humanpose3d.errors import RunError
from humanpose3d.formats.analysis_files import write_analysis
from humanpose3d.options import StageName
from shared.runtime import runs
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.run_state import Claim, RunRequest, StageRecord
from shared.runtime.settings import Settings
from shared.runtime.store import open_store
from tests.gateway.world import ANALYSIS
from tests.makers import s3_settings
from tests.page import walker
from tests.servers import S3Server

T = TypeVar("T")
ARTEFACTS = {
    "analysis": "analysis.json",
    "angles": "angles.npz",
    "angle_sd": "spread.npz",
    "landmarks": "landmarks.npz",
    "augmented_markers": "markers.npz",
    "initial_markers": "initial.npz",
}
STAGES: tuple[StageName, ...] = ("detector", "refiner.depth", "augmenter", "angles", "refiner.joints", "analysis")


class FakeServer:
    """The server side of a test. `failure`: how the next runs fail; `hold` suspends them in the middle of the detector.

    Everything runs on one event loop in a thread, so that bus and store outlive a server that is stopped.
    """

    def __init__(self, folder: Path, s3_server: S3Server | None = None, **settings: Any) -> None:
        self.folder = folder
        (folder / "models").mkdir(parents=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        store = {"store_directory": folder / "store"} if s3_server is None else s3_settings(s3_server).model_dump()
        values = {"port": self.port, "models_directory": folder / "models", "nats_url": "nats://127.0.0.1:1"}
        self.settings = Settings(**{**store, **values, **settings})
        self.failure: Problem | None = None
        self.warnings = True
        self.analysis = ANALYSIS
        self._go_on = threading.Event()
        self._go_on.set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.bus = MemoryBus()
        self.store = open_store(self.settings)
        self._worker = self._begin(self._work())
        self._server: uvicorn.Server | None = None
        self._serving: Future[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve; returns once connections are accepted."""
        config = uvicorn.Config(
            create_app(self.settings, self.bus, self.store),
            port=self.port,
            log_level="critical",
            timeout_graceful_shutdown=0,
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._serving = self._begin(self._server._serve())
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            threading.Event().wait(0.01)

    def stop(self) -> None:
        """Close the port and every connection, as if the server had crashed."""
        assert self._server
        assert self._serving
        self._server.should_exit = True
        self._serving.result(timeout=10)

    def close(self) -> None:
        """Stop everything."""
        self._go_on.set()
        self._worker.cancel()
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def hold(self) -> None:
        """Suspend runs at 45 % until `go_on`."""
        self._go_on.clear()

    def go_on(self) -> None:
        """Let suspended runs end."""
        self._go_on.set()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's event loop."""
        return self._begin(work).result(timeout=10)

    def _begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _work(self) -> None:
        while True:
            for stage in STAGES:
                delivery = await self.bus.pull(stage, 0)
                if delivery is not None:
                    with contextlib.suppress(RunError):  # stopped or erased meanwhile
                        await self._do_stage(delivery.task.run_id, stage, delivery.sequence)
                    await delivery.ack()
            await asyncio.sleep(0.02)

    async def _do_stage(self, run_id: str, stage: StageName, sequence: int) -> None:
        state = (await runs.change(self.bus, run_id, lambda s: s.claimed(stage, sequence, 1, "worker"))).state
        claim = state.claim
        assert claim is not None
        if stage == "detector":
            await self._detect(run_id, claim)
        if self.failure is not None:
            failure = self.failure
            await runs.change(self.bus, run_id, lambda s: s.failed(failure, claim))
            return
        results = await self._results(run_id, state.request) if len(state.finished) >= 3 else {}
        made = {name: self._artefact(run_id, name) for name in ARTEFACTS} if stage == "angles" else {}
        record = StageRecord(attempt=claim.attempt, artefacts=made, seconds=0.1)
        after = (await runs.change(self.bus, run_id, lambda s: s.stage_finished(claim, record, results))).state
        await runs.publish_next(self.bus, after)

    async def _detect(self, run_id: str, claim: Claim) -> None:
        for done in (8, 23, 38):
            await self._progress(run_id, claim, Advance(done=done, total=walker.FRAMES))
            await asyncio.sleep(0.1)
        while not self._go_on.is_set():
            await asyncio.sleep(0.02)
            (await self.bus.read(run_id)).state.progressed(claim, Advance(done=0, total=None))  # raises when stopped

    async def _progress(self, run_id: str, claim: Claim, frames: Advance) -> None:
        await runs.change(self.bus, run_id, lambda s: s.progressed(claim, frames))

    def _artefact(self, run_id: str, name: str) -> str:
        return f"runs/{run_id}/angles/1/{ARTEFACTS[name]}"

    async def _results(self, run_id: str, request: RunRequest) -> dict[str, str]:
        folder = self.folder / "results" / run_id
        shutil.rmtree(folder, ignore_errors=True)
        await asyncio.to_thread(walker.write_results, folder, request.name, warnings=self.warnings)
        (folder / ARTEFACTS["analysis"]).write_text(self.analysis.model_dump_json())
        write_analysis(folder, self.analysis)
        if request.options.writes_preview:
            (folder / f"{request.name}_preview.mp4").write_bytes(walker.video())
        for artefact, file in ARTEFACTS.items():
            await self.store.put_file(self._artefact(run_id, artefact), folder / file)
            (folder / file).unlink()
        results = {}
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            relative = path.relative_to(folder).as_posix()
            results[relative] = f"runs/{run_id}/results/1/{relative}"
            await self.store.put_file(results[relative], path)
        return results
