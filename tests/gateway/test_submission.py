from pathlib import Path

import pytest

from gateway.errors import ConsentMissing
from gateway.submission import read_submission
from humanpose3d.errors import InvalidOption

VALID = {"height": "1.78", "weight": "75", "consent": "accepted"}


def test_the_documented_form_is_accepted(tmp_path: Path):
    form = {
        **VALID,
        "estimate_missing": "on",
        "force_complete": "on",
        "augmentation_cycles": "20",
        "main_refiner": "on",
        "plot_all_joint_angles": "on",
        "visibility_min": "0.1",
    }
    submission = read_submission(form, tmp_path)
    assert (submission.subject.height, submission.subject.weight) == (1.78, 75)
    options = submission.options
    assert options.estimate_missing
    assert options.force_complete
    assert options.main_refiner
    assert options.plot_all_joint_angles
    assert (options.augmentation_cycles, options.visibility_min) == (20, 0.1)
    assert submission.warnings == ()


@pytest.mark.parametrize("consent", [{}, {"consent": ""}, {"consent": "on"}, {"consent": "Accepted"}])
def test_without_consent_nothing_is_accepted(consent: dict[str, str], tmp_path: Path):
    with pytest.raises(ConsentMissing):
        read_submission({"height": "1.78", "weight": "75", **consent}, tmp_path)


def test_all_errors_are_reported_at_once(tmp_path: Path):
    form = {"weight": "5", "consent": "accepted", "visibility_min": "2", "pose_model": "huge"}
    with pytest.raises(InvalidOption) as caught:
        read_submission(form, tmp_path)
    assert sorted(caught.value.faults) == ["height", "pose_model", "visibility_min", "weight"]


def test_unknown_fields_are_named(tmp_path: Path):
    with pytest.raises(InvalidOption, match="augmentaton_cycles: there is no such field"):
        read_submission({**VALID, "augmentaton_cycles": "3"}, tmp_path)


@pytest.mark.parametrize("path", ["better.onnx", "/etc/better.onnx", "C:\\models\\better.onnx", "../better.onnx"])
def test_a_model_is_known_by_its_file_name_whatever_stands_before_it(path: str, tmp_path: Path):
    (tmp_path / "better.onnx").touch()
    assert read_submission({**VALID, "depth_model_path": path}, tmp_path).options.depth_model_path == "better.onnx"


def test_norms_name_a_table_in_the_servers_folder(tmp_path: Path):
    (tmp_path / "lab.csv").touch()
    (tmp_path / "better.onnx").touch()
    assert read_submission({**VALID, "norms_path": "/etc/lab.csv"}, tmp_path).options.norms_path == "lab.csv"
    with pytest.raises(
        InvalidOption, match=r"there is no file of norms 'better\.onnx' on this server \(there are: lab"
    ):
        read_submission({**VALID, "norms_path": "better.onnx"}, tmp_path)


@pytest.mark.parametrize("path", ["other.onnx", "/etc/passwd", "..", "", "better.onnx/", "better.onnx\x00"])
def test_no_other_file_is_ever_named(path: str, tmp_path: Path):
    (tmp_path / "better.onnx").touch()
    (tmp_path / "notes.txt").touch()
    if path == "better.onnx/":
        assert read_submission({**VALID, "joint_model_path": path}, tmp_path).options.joint_model_path == "better.onnx"
        return
    with pytest.raises(InvalidOption, match=r"there are: better\.onnx\)"):
        read_submission({**VALID, "joint_model_path": path}, tmp_path)


def test_a_display_window_is_refused(tmp_path: Path):
    submission = read_submission({**VALID, "show_video": "on"}, tmp_path)
    assert [warning.split(":")[0] for warning in submission.warnings] == ["show_video"]


def test_the_fingerprint_distinguishes_submissions(tmp_path: Path):
    one = read_submission(VALID, tmp_path)
    same = read_submission({**VALID, "height": "1.780"}, tmp_path)
    other = read_submission({**VALID, "height": "1.79"}, tmp_path)
    assert one.fingerprint("v") == same.fingerprint("v")
    assert len({one.fingerprint("v"), one.fingerprint("w"), other.fingerprint("v")}) == 3
