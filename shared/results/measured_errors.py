"""The measured error of joint angles in a view like that of a run, from `measured_errors.json`.

`make bench-accuracy` makes that file: mean absolute errors on rendered people, whose truth is known, and on real people
with a reference. They hold for the networks that they were measured with.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import JsonValue

from shared.results.model import RunResults

FILE: Final = Path(__file__).with_name("measured_errors.json")


@cache
def measured_errors() -> Mapping[str, Any]:
    """The content of the file."""
    content: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def measured_error(results: RunResults) -> dict[str, JsonValue] | None:
    """For quality.json: `view`, and of `rendered` and `real` people, where measured, the number of clips (`clips`),
    what they were compared with (`reference`) and `mae_deg` by joint and angle.

    None where the view is unknown, or the run used other networks than those that were measured.
    """
    view = "unknown" if results.analysis is None else results.analysis.view
    table = measured_errors()
    method = table["methods"].get(_method(results))
    if method is None or results.options.pose_model != table["pose_model"]:
        return None
    used = {file: digest for report in results.reports.values() for file, digest in report.models.items()}
    if not method["models"].items() <= used.items():
        return None
    found = {people: method[people][view] for people in ("rendered", "real") if view in method[people]}
    return {"view": view, **found} if found else None


def _method(results: RunResults) -> str:
    """The benchmark's condition that a run corresponds to."""
    depth, joints = results.made("marker_sd"), results.made("refined_angles")
    return {(False, False): "geometric", (True, False): "depth", (True, True): "both"}.get((depth, joints), "none")
