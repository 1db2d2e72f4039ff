import argparse
import json
from pathlib import Path

import pytest

from cli import options
from cli.config import read_config
from humanpose3d.errors import InvalidOption
from humanpose3d.options import RunOptions


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.add_run_options(parser)
    return parser.parse_args(words)


def test_the_options_of_a_run_are_taken_and_flags_go_first(tmp_path: Path):
    earlier = RunOptions(pose_model="heavy", export_preview=True, visibility_min=0.2)
    run = tmp_path / "run.json"
    run.write_text(json.dumps({"subject": {"height": 1.7, "weight": 70}, "options": earlier.model_dump(mode="json")}))
    config = read_config(run)
    assert options.run_options(given(), config) == earlier
    changed = options.run_options(given("--no-export-preview", "--visibility-min", "0.3"), config)
    assert changed == RunOptions(pose_model="heavy", visibility_min=0.3)


def test_a_toml_file_holds_options_with_dashes_or_underscores(tmp_path: Path):
    config = tmp_path / "options.toml"
    config.write_text('pose-model = "lite"\nexport_preview = true\ndepth_model_path = "mine.onnx"\n')
    expected = RunOptions(pose_model="lite", export_preview=True, depth_model_path=str(tmp_path / "mine.onnx"))
    assert options.run_options(given(), read_config(config)) == expected


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("run.json", "{}", "is not the run.json of a run"),
        ("run.json", "[", "is not the run.json of a run"),
        ("run.json", '{"options": {"sharpen": true}}', "sharpen there is no such option"),
        ("a.toml", "pose_model = ", "is neither a run.json nor TOML"),
        ("a.toml", 'visibility_min = "high"', "visibility_min should be a valid number"),
        ("a.toml", None, "cannot be read: No such file"),
    ],
)
def test_a_file_that_holds_no_options_is_refused(tmp_path: Path, name: str, text: str | None, fault: str):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidOption) as caught:
        read_config(tmp_path / name)
    assert fault in caught.value.faults["config"]
