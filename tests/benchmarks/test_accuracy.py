"""The whole command on two synthetic pairs whose figures are known."""

import json

import numpy as np
import pytest

from benchmarks import accuracy, conditions
from benchmarks.accuracy import as_json, main
from benchmarks.cases import fingerprint, rendered_cases
from benchmarks.intervals import Figure
from humanpose3d.errors import InvalidMotion
from tests.benchmarks.made_up import pair
from tests.services.refiner import synthetic
from training.data.pairs import write_pair

FRONT, TILTED = synthetic.Camera(), synthetic.Camera(pitch=16, azimuth=90)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A walker seen by a level camera, and a squatter seen from his right by a camera pitched 16° down."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "clips").mkdir()
    times = synthetic.clock(1.5)
    write_pair(folder / "clips" / "000009.npz", pair("walkingTS2", synthetic.walking(times, speed=0.1), FRONT))
    write_pair(folder / "clips" / "000019.npz", pair("squatsAsym1", synthetic.squatting(times), TILTED))
    return folder


@pytest.fixture(scope="module")
def measured(pairs, tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditions, "DEPTH_MODEL", pairs / "depth_refiner.onnx")  # as if no network shipped
        patch.setattr(accuracy, "_installed_clip", lambda: None)
        main(["--pairs", str(pairs), "--results", str(results), "--cycles", "1"])
    tables = (results / "accuracy.md").read_text(encoding="utf-8")
    return json.loads((results / "accuracy.json").read_text(encoding="utf-8")), tables


def test_the_figures_are_the_constructed_ones(measured):
    overall = measured[0]["test_renders"]["overall"]
    assert overall["raw"]["gravity_deg"][0] == pytest.approx(8, abs=0.01)
    assert overall["raw_levelled"]["gravity_deg"][0] == pytest.approx(0, abs=0.01)
    # the rest is the rotation to the image centre, which the hips leave while squatting
    assert overall["raw_levelled"]["mpjpe_cm"][0] < 1 < 5 < overall["raw"]["mpjpe_cm"][0]
    assert overall["geometric"]["gravity_deg"][0] < 4
    assert overall["true_markers"]["mpjpe_cm"][0] == pytest.approx(0, abs=1e-3)
    # the truth is read from the markers, the angles stage fits its skeleton to them: 4.8° apart on these stick figures
    assert overall["true_markers"]["angles_deg"][0] < 6


def test_the_parts_are_the_constructed_ones(pairs, measured):
    renders = measured[0]["test_renders"]
    assert (renders["clips"], renders["frames"]) == (2, 90)
    assert renders["clips_sha256"] == fingerprint(rendered_cases(pairs))
    assert renders["clips_sha256"] != fingerprint(list(rendered_cases(pairs))[:1])
    assert set(renders["by_motion"]) == {"walk", "squat"}
    assert set(renders["by_view"]) == {"front", "left"}
    assert set(renders["by_tilt"]) == {"0–5°", "over 15°"}
    assert renders["by_tilt"]["over 15°"]["raw"]["gravity_deg"][0] == pytest.approx(16, abs=0.01)
    assert set(renders["angles"]["raw"]) == {"pelvis", "trunk"} | {
        f"{joint}_{side}" for joint in ("hip", "knee", "ankle", "shoulder", "elbow") for side in "rl"
    }


def test_agreement_is_by_view(measured):
    result, tables = measured
    agreement = result["test_renders"]["agreement"]
    assert set(agreement) == {"geometric"}
    assert set(agreement["geometric"]) == {"all", "frontal", "lateral"}
    knee = agreement["geometric"]["all"]["knee"]["flexion"]
    assert (knee["clips"][0], knee["mae"][1]) == (2, None)
    by_side = [result["test_renders"]["angles"]["geometric"][f"knee_{side}"]["flexion"]["mae"][0] for side in "rl"]
    assert knee["mae"][0] == pytest.approx(np.mean(by_side), abs=1e-3)
    assert "Mean absolute error in degrees by method" in tables


def test_what_cannot_be_measured_is_reported_as_such(measured):
    result, tables = measured
    assert "depth_refiner.onnx" in result["conditions"]["depth"]["not_available"]
    assert "depth" not in result["test_renders"]["overall"]
    assert "- depth refiner: not available" in tables
    assert result["real_clip"] is result["real_people"] is None
    assert "Not measured: real_people." in tables
    assert "Not measured: real_clip." in tables


def test_the_tables_hold_the_figures(measured):
    result, tables = measured
    row = next(line for line in tables.splitlines() if line.startswith("| gravity"))
    cells = [cell.strip() for cell in row.split("|")[2:-1]]
    assert len(cells) == len(result["conditions"])
    assert cells[0] == "8.0"
    assert cells[list(result["conditions"]).index("depth")] == "–"


def test_a_clip_without_an_answer_counts_as_missing(pairs, tmp_path, monkeypatch):
    def fails(case, cycles):
        raise InvalidMotion("nothing to go by")

    broken = conditions.Condition("raw", "raw", fails)
    monkeypatch.setattr(accuracy, "CONDITIONS", (broken,))
    monkeypatch.setattr(accuracy, "_installed_clip", lambda: None)
    main(["--pairs", str(pairs), "--results", str(tmp_path)])
    result = json.loads((tmp_path / "accuracy.json").read_text(encoding="utf-8"))
    assert result["conditions"]["raw"]["failed_clips"] == ["000009", "000019"]
    assert result["test_renders"]["overall"]["raw"]["missing_percent"][0] == 100
    assert result["test_renders"]["overall"]["raw"]["mpjpe_cm"][0] is None


def test_a_folder_without_test_clips_is_named(tmp_path):
    (tmp_path / "clips").mkdir()
    with pytest.raises(InvalidMotion, match="test split"):
        main(["--pairs", str(tmp_path), "--results", str(tmp_path)])


def test_nothing_to_measure_on_is_a_usage_error(monkeypatch, capsys):
    monkeypatch.setattr(accuracy, "_installed_clip", lambda: None)
    with pytest.raises(SystemExit):
        main([])
    assert "--pairs, --real or --clip" in capsys.readouterr().err


def test_json_keeps_a_figure_on_its_line():
    text = as_json({"a": {"b": Figure(1.5, 1.0, 2.0)}, "c": [], "d": "[ x ]", "e": [1, 2]})
    assert '"b": [1.5, 1.0, 2.0]' in text.splitlines()[2]
    assert json.loads(text) == {"a": {"b": [1.5, 1.0, 2.0]}, "c": [], "d": "[ x ]", "e": [1, 2]}
    with pytest.raises(TypeError):
        as_json({"a": np.zeros(2)})
