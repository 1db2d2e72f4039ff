"""A gateway with an in-memory bus and a store in a folder, and a stand-in for the workers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from gateway.api_keys import append, create
from gateway.app import create_app
from humanpose3d.analysis import Analysis, Event, Parameter
from humanpose3d.formats.npz import save_npz
from humanpose3d.motion import JointAngles
from humanpose3d.options import StageName
from shared.runtime import runs
from shared.runtime.bus import Bus
from shared.runtime.bus.memory import MemoryBus
from shared.runtime.run_state import StageRecord
from shared.runtime.settings import Settings
from shared.runtime.store import Store
from shared.runtime.store.directory import DirectoryStore

MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(1000)
ANALYSIS = Analysis(
    task="squat",
    recognised=True,
    view="lateral",
    timing_s=0.0083,
    events=(Event(time_s=1.5, kind="lowest", repetition=1),),
    parameters=(
        Parameter(name="repetitions", value=2, unit="1", method="counted"),
        Parameter(name="depth", repetition=1, value=0.38, unit="m", method="pelvis"),
        Parameter(name="depth", repetition=2, value=0.42, unit="m", method="pelvis"),
        Parameter(name="depth", value=0.4, sd=0.028, n=2, unit="m", method="pelvis"),
        Parameter(name="knee_flexion_peak", side="right", value=91, sd=2, n=2, unit="°", method="largest"),
    ),
)
FORM = {"height": "1.78", "weight": "75", "consent": "accepted"}


def keys_for(file: Path, *owners: str) -> list[str]:
    """The secrets of a new API key for each owner, which the file then holds."""
    made = [create(owner) for owner in owners]
    for _, stored in made:
        append(file, stored)
    return [secret for secret, _ in made]


class World:
    """A gateway with its bus and store."""

    def __init__(self, folder: Path, *, bus: Bus | None = None, store: Store | None = None, **settings: Any) -> None:
        (folder / "models").mkdir()
        self.folder = folder
        self.bus: Bus = bus or MemoryBus()
        self.store: Store = store or DirectoryStore(folder / "store")
        values = {
            "nats_url": "nats://127.0.0.1:1",
            "store_directory": folder / "store",
            "models_directory": folder / "models",
            "max_upload_bytes": 1_000_000,
        }
        self.settings = Settings(**{**values, **settings})

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client of the application, without a network."""
        app = create_app(self.settings, self.bus, self.store)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
        ):
            yield client

    async def complete(self, run_id: str, files: dict[str, bytes], **angles_made: str) -> None:
        """Complete a run as the workers would; `angles_made` are further artefacts of that stage, as object keys."""
        results = {}
        for path, content in files.items():
            source = self.folder / "source"
            source.write_bytes(content)
            results[path] = f"runs/{run_id}/results/1/{path}"
            await self.store.put_file(results[path], source)
        angles = self.folder / "angles.npz"
        save_npz(angles, JointAngles(np.arange(3) / 30, np.ones((3, 12, 3))))
        await self.store.put_file(f"runs/{run_id}/angles/1/angles.npz", angles)
        analysis = self.folder / "analysis.json"
        analysis.write_text(ANALYSIS.model_dump_json(), encoding="utf-8")
        await self.store.put_file(f"runs/{run_id}/analysis/1/analysis.json", analysis)
        made = {
            "angles": {"angles": f"runs/{run_id}/angles/1/angles.npz", **angles_made},
            "analysis": {"analysis": f"runs/{run_id}/analysis/1/analysis.json"},
        }
        while (stage := (await self.bus.read(run_id)).state.stage) is not None:
            await self._finish(run_id, stage, made.get(stage, {}), results)

    async def complete_everything(self, files: dict[str, bytes]) -> None:
        """Complete every submitted run until cancelled."""
        while True:
            delivery = await self.bus.pull("detector", 0.1)
            if delivery is not None:
                await delivery.retry(0)
                await self.complete(delivery.task.run_id, files)
            await asyncio.sleep(0)

    async def _finish(self, run_id: str, stage: StageName, made: dict[str, str], results: dict[str, str]) -> None:
        delivery = await self.bus.pull(stage, 1)
        assert delivery is not None
        sequence = delivery.sequence
        claim = (await runs.change(self.bus, run_id, lambda s: s.claimed(stage, sequence, 1, "worker"))).state.claim
        assert claim is not None
        record = StageRecord(attempt=claim.attempt, artefacts=made, seconds=0.1)
        state = (await runs.change(self.bus, run_id, lambda s: s.stage_finished(claim, record, results))).state
        await runs.publish_next(self.bus, state)
        await delivery.ack()
