"""What of the accuracy benchmark ships: `shared/results/measured_errors.json`, and the table in the README.

`python -m benchmarks.measured_errors` makes both from `benchmarks/results/accuracy.json`; `make bench-accuracy` does so
after measuring.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.accuracy import RESULTS, ROOT
from benchmarks.agreement import VIEWS, mae_table
from benchmarks.agreement_tables import METHODS, SHOWN, name, short
from humanpose3d.options import RunOptions
from shared.results.measured_errors import FILE

README: Final = ROOT / "README.md"
MARKED: Final = re.compile(r"(?<=<!-- measured errors -->\n).*?(?=<!-- /measured errors -->)", re.DOTALL)

_REAL: Final = {"geometric": "geometric", "depth": "depth", "both": None}
"""Method → its name in the results on real people: the joint refiner does not change what is compared there."""

_RENDERED: Final = "true markers of rendered people"


def main() -> None:
    """Write both."""
    table = shipped(json.loads((RESULTS / "accuracy.json").read_text(encoding="utf-8")))
    FILE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    README.write_text(MARKED.sub(lambda _: markdown(table), README.read_text(encoding="utf-8")), encoding="utf-8")


def shipped(result: Mapping[str, Any]) -> dict[str, Any]:
    """The content of the file that ships, from parsed results."""
    rendered, real = result["test_renders"], result["real_people"]
    return {
        "pose_model": RunOptions().pose_model,
        "methods": {
            key: {
                "models": result["conditions"][key]["models"],
                "rendered": _by_view(rendered["agreement"][key], _RENDERED) if rendered else {},
                "real": _of_real_people(real["agreement"], _REAL[key]) if real else {},
            }
            for key in METHODS
            if result["conditions"][key]["models"]
        },
    }


def _of_real_people(agreement: Mapping[str, Any], key: str | None) -> dict[str, Any]:
    """By view; of two references that share one, the first: marker-based motion capture, by its name."""
    found: dict[str, Any] = {}
    for reference in sorted(agreement, key=lambda name: not name.startswith("marker-based")):
        if key is not None:
            found = _by_view(agreement[reference][key], reference) | found
    return found


def _by_view(measured: Mapping[str, Any], reference: str) -> dict[str, Any]:
    return {
        view: {"clips": _clips(measured[view]), "reference": short(reference), "mae_deg": errors}
        for view, errors in mae_table(measured).items()
    }


def _clips(angles: Mapping[str, Any]) -> int:
    return max(int(own["clips"][0]) for by_angle in angles.values() for own in by_angle.values())


def markdown(table: Mapping[str, Any]) -> str:
    """The README's table of the default method: mean absolute errors by angle and view."""
    return "\n".join(_lines(table["methods"]["depth"])) + "\n"


def _lines(method: Mapping[str, Any]) -> Iterator[str]:
    columns = [(people, view) for people in ("rendered", "real") for view in VIEWS if view in method[people]]
    heads = [f"{people}, {view} ({method[people][view]['clips']})" for people, view in columns]
    yield f"| mean absolute error, ° | {' | '.join(heads)} |"
    yield f"|---|{'---|' * len(columns)}"
    for joint, angle in SHOWN:
        errors = (method[people][view]["mae_deg"].get(joint, {}).get(angle) for people, view in columns)
        yield f"| {name(joint, angle)} | {' | '.join('–' if error is None else f'{error:.1f}' for error in errors)} |"


if __name__ == "__main__":
    main()
