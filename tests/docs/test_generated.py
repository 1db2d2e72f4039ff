"""The generated pages agree with the code and are complete."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from docs.generate import anatomy, api, markdown, measurements, messages, outputs, pages
from humanpose3d.formats.csv_files import LANDMARK_COLUMNS
from humanpose3d.options import RunOptions
from humanpose3d.skeleton import ALL_MARKERS, JOINT_GROUPS
from shared.runtime.settings import PREFIX, Settings
from tests.docs.blocks import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")


def test_every_generator_is_used_and_every_mark_is_known():
    asked = {
        mark[1]
        for page in PAGES
        for mark in pages.MARK.findall(page.read_text(encoding="utf-8"))
        if mark[0] == "generated"
    }
    assert asked == set(pages.GENERATORS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_can_be_filled(page: Path):
    filled = pages.filled(page.read_text(encoding="utf-8"))
    assert not pages.MARK.search(filled)


@pytest.mark.parametrize(
    "mark", ["<!-- generated: nonsense -->", "<!-- include: no/such.md -->", "<!-- include: README.md # No -->"]
)
def test_an_unknown_mark_is_an_error(mark: str):
    with pytest.raises(pages.UnknownPiece):
        pages.filled(mark)


def test_links_of_an_included_file_lead_to_pages_or_become_plain_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "DOCS", tmp_path / "docs")
    (tmp_path / "docs").mkdir()
    (tmp_path / "deploy").mkdir()
    (tmp_path / "docs" / "api.md").touch()
    (tmp_path / "docs" / "train.md").write_text("<!-- include: other/README.md # Train -->\n")
    (tmp_path / "deploy" / "README.md").write_text(
        "# Deploy\n[a](../docs/api.md) [b](../other/README.md#train) [c](smoke.sh) [d](https://e.example/) [e](#f)\n"
    )
    filled = pages.filled("<!-- include: deploy/README.md -->")
    assert filled.strip() == "[a](api.md) [b](train.md) c [d](https://e.example/) [e](#f)"


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_links_between_files_resolve(page: Path):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path = link.partition("#")[0]
        if path and "://" not in link:
            assert (page.parent / path).exists(), link


def test_all_options_and_settings_are_listed():
    options, settings = pages.GENERATORS["options"](), pages.GENERATORS["settings"]()
    for name, field in RunOptions.model_fields.items():
        assert f"`{name}`" in options
        assert field.description is not None
        assert field.description in options
    for name in Settings.model_fields:
        assert f"`{PREFIX}{name.upper()}`" in settings
    assert "| `HUMANPOSE3D_PORT` | `8000` |" in settings
    assert "`4 000 000 000`" in settings
    assert "| `--augmentation-cycles` | `augmentation_cycles` | 1 to 1000 | `20` |" in options


def test_every_column_has_unit_and_sign():
    assert tuple(outputs.LANDMARK_MEANINGS) == LANDMARK_COLUMNS
    named = {(group.name.split("_")[0], angle) for group in JOINT_GROUPS for angle in group.angles}
    assert set(outputs.SIGNS) == named
    assert outputs.angle_files().count("| ° |") == 36


def test_every_marker_has_a_location():
    places = [outputs.place(name) for name in ALL_MARKERS]
    assert len(set(places)) == 65
    assert outputs.place("LKnee") == "knee, left"
    assert outputs.place("r_mwrist_study").endswith(", right")


def test_messages_are_those_of_the_code():
    found = {message.name: message.text for message in messages.warned()}
    assert len(found) >= 28
    assert found["camera-tilted"].startswith("The camera was tilted by about …°. This was corrected")
    assert found["low-resolution"].startswith("The person is only … pixels tall in the image; from 200 the model")
    assert all(len(text) > 40 for text in found.values()), "a message that cannot be shown to the reader"
    said = messages.input_errors()
    assert "… has … frames; at least 10 are needed. Record for some seconds." in said
    assert "at least 30% are needed" in said


def test_no_warning_of_the_code_is_overlooked():
    made = re.compile(r"[ (]warning\($|[ (]warning\(\"", re.MULTILINE)
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "services").rglob("*.py")]
    assert len(messages.warned()) == sum(len(made.findall(text)) for text in sources)


def test_every_error_that_is_shown_has_a_code_in_the_table():
    table = messages.codes()
    for name in ("video-not-found", "storage-full", "quota-exceeded", "already-running", "internal"):
        assert f"`{name}`" in table
    assert "`superseded`" not in table


def test_every_call_of_the_api_is_described():
    said = api.calls()
    for path, operations in api.document()["paths"].items():
        for method in operations:
            assert f"### {method.upper()} {path}" in said
    assert "`consent` (required)" in said


def test_results_are_rendered_and_their_absence_is_stated(tmp_path: Path):
    made = (
        measurements.accuracy,
        measurements.pretraining,
        measurements.speed,
        measurements.service,
        measurements.history,
        measurements.requests,
        measurements.load,
    )
    assert {make(tmp_path) for make in made} == {measurements.NOT_MEASURED}
    asked = {f"{name}_{what}": 12.34 for name in measurements._REQUESTS for what in ("p50_ms", "p99_ms", "cpu_ms")}
    (tmp_path / "scale.json").write_text(json.dumps({"runs": 1_000_000, "idle_cpu_share": 0.01, **asked}))
    assert "| runs in the history | 1 000 000 |" in measurements.history(tmp_path)
    assert "| filter by subject | 12.3 | 12.3 | 12.3 |" in measurements.requests(tmp_path)
    (tmp_path / "speed.json").write_text(json.dumps(_speed()))
    said = measurements.speed(tmp_path)
    assert "\n### The whole pipeline" in said
    assert "| bare MediaPipe loop, one process | 30 | 80 | 1 |" in said
    assert "for one of 5400 frames | OpenSim's inverse kinematics 22 ms | 1.1 ms | 20 |" in said
    assert "Pose2Sim" not in said.replace("Against Pose2Sim", "")
    own = {"mpjpe_cm": [12.34, 11.0, 13.0]}
    clip = {"overall": {"raw": own}, "by_motion": {}, "by_view": {}, "by_tilt": {}, "angles": {}, "stated_sd": {}}
    accuracy = {
        "conditions": {"raw": {"title": "raw detector", "not_available": None, "failed_clips": []}},
        "test_renders": {"clips": 80, "frames": 9600, "clips_sha256": "0" * 64, **clip},
        "real_clip": None,
    }
    (tmp_path / "accuracy.json").write_text(json.dumps(accuracy))
    said = measurements.accuracy(tmp_path)
    assert "\n### Test renders" in said
    assert "| MPJPE, cm | 12.3 (11.0–13.0) |" in said
    assert not re.search(r"^# ", said, re.MULTILINE)
    scores = {"mpjpe": 14.8, "gravity": 4.0}
    trained = {"way": "on pairs", "clips": 50, "seed": 1, "scores": scores}
    (tmp_path / "pretraining.json").write_text(json.dumps({"trained": [trained]}))
    assert "| on pairs | 50 | 1 | 14.8 | 4 |" in measurements.pretraining(tmp_path)


def _speed() -> dict[str, Any]:
    """The benchmark's results, without those that need Pose2Sim."""
    return {
        "machine": {"processors": 2, "name": "some processor"},
        "clip": {"frames": 2400, "image": "1080 × 1920"},
        "repetitions": 3,
        "pipeline": {
            "seconds": {"bare_loop": 30.0},
            "frames_per_second": {"bare_loop": 80.0},
            "times_the_bare_loop": {"bare_loop": 1.0},
            "stage_seconds": {"detector": 9.0},
            "share_of_all_but_detection": 0.09,
            "peak_mb": 800.0,
        },
        "distributed": {
            "in_process_s": 12.0,
            "by_detectors_s": {"1": 20.0},
            "times_in_process": {"1": 1.7},
            "times_one_detector": {"1": 1.0},
        },
        "length": [{"frames": 100, "ms_a_frame": {"augmenter": 1.2}, "peak_mb": {"augmenter": 200.0}}],
        "start": {"help_s": 0.05},
        "angles": {
            "opensim_ms_a_frame": 22.0,
            "ours_ms_a_frame": 3.0,
            "long_frames": 5400,
            "ours_long_ms_a_frame": 1.1,
            "times_faster": 20.0,
        },
    }


def test_the_figures_of_the_frames_are_those_of_the_code():
    for name, draw in anatomy.FIGURES.items():
        stored = (anatomy.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        assert _shape(stored) == _shape(draw().svg()), f"{name}: run python -m docs.generate.anatomy"


def test_drawings_are_used_have_a_title_and_load_nothing():
    drawings = sorted((DOCS / "images").glob("*.svg"))
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(drawings) == 12
    for path in drawings:
        svg = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert f"images/{path.name}" in shown or path.name == "icon.svg"  # the site's icon, named in mkdocs.yml
        assert "<title>" in svg or path.name == "icon.svg"
        assert "http" not in svg, path.name


def test_a_section_ends_at_the_next_heading_of_its_level():
    text = "# A\n\n## B\n\nb\n\n### C\n\n```sh\n## no heading\n```\n\n## D\n\nd\n"
    assert markdown.section(text, "B") == "b\n\n### C\n\n```sh\n## no heading\n```"
    with pytest.raises(KeyError):
        markdown.section(text, "E")


def test_docstrings_become_points():
    text = "A foot.\n\nSequence: one,\nand more. x: this. y: that.\nRange: all."
    assert markdown.paragraphs(text) == (
        "A foot.\n\n- **Sequence**: one,\n  and more.\n\n- **x**: this.\n\n- **y**: that.\n\n- **Range**: all."
    )


def _shape(svg: str) -> str:
    """Without the last digit of numbers, which depends on the last bit of a sum."""
    return re.sub(r"(\d+\.\d)\b", lambda figure: f"{float(figure[1]):.0f}", svg)
