"""What tables over several runs take from their results: the analysis, and `quality.json`."""

import json
from typing import Any, NamedTuple

from humanpose3d.analysis import Analysis
from humanpose3d.errors import ObjectNotFound
from shared.runtime.run_state import RunState
from shared.runtime.store import Store, content


class Measured(NamedTuple):
    """The content of a run's `quality.json`, and its analysis (None where it was not analysed)."""

    quality: dict[str, Any]
    analysis: Analysis | None


async def measured(store: Store, state: RunState) -> Measured | None:
    """What was measured in a run; None where it has no results, or they cannot be read."""
    if state.status != "completed" or "quality.json" not in state.results:
        return None
    analysed = state.made.get("analysis")
    try:
        quality = json.loads(await content(store, state.results["quality.json"]))
        return Measured(quality, Analysis.read(await content(store, analysed)) if analysed else None)
    except (ObjectNotFound, ValueError):  # erased meanwhile, or of another version
        return None
