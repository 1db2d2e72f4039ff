import argparse

import pytest

from cli import options
from cli.main import main
from humanpose3d.errors import InvalidOption
from humanpose3d.options import RunOptions, Subject

SUBJECT = ["--height", "1.78", "--weight", "75"]


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options.add_run_options(parser)
    return parser.parse_args([*SUBJECT, *arguments])


def test_without_flags_the_options_are_the_contract_s_defaults():
    assert options.run_options(parse()) == RunOptions()


@pytest.mark.parametrize("name", [name for name, field in RunOptions.model_fields.items() if field.annotation is bool])
def test_every_switch_has_a_dashed_flag_and_its_negation(name: str):
    flag = name.replace("_", "-")
    assert getattr(options.run_options(parse(f"--{flag}")), name) is True
    assert getattr(options.run_options(parse(f"--no-{flag}")), name) is False


@pytest.mark.parametrize(
    ("flag", "value", "name", "expected"),
    [
        ("--augmentation-cycles", "5", "augmentation_cycles", 5),
        ("--visibility-min", "0.1", "visibility_min", 0.1),
        ("--pose-model", "heavy", "pose_model", "heavy"),
        ("--focal-length-35mm", "26", "focal_length_35mm", 26.0),
        ("--capture-fps", "240", "capture_fps", 240.0),
    ],
)
def test_valued_flags(flag: str, value: str, name: str, expected: object):
    assert getattr(options.run_options(parse(flag, value)), name) == expected


def test_mass_is_another_name_for_weight():
    parser = argparse.ArgumentParser()
    options.add_run_options(parser)
    parsed = parser.parse_args(["--height", "1.78", "--mass", "75"])
    assert options.subject(parsed) == Subject(height=1.78, weight=75)


@pytest.mark.parametrize(
    ("values", "faulty"),
    [
        ({"height": 0.49, "weight": 75}, ["height"]),
        ({"height": 2.51, "weight": 75}, ["height"]),
        ({"height": 1.78, "weight": 9.9}, ["weight"]),
        ({"height": 1.78, "weight": 300.1}, ["weight"]),
        ({"height": float("nan"), "weight": float("inf")}, ["height", "weight"]),
        ({"height": "tall"}, ["height", "weight"]),
        ({"height": 1.78, "weight": 75, "age": 30}, ["age"]),
    ],
)
def test_a_subject_outside_the_limits_is_refused_by_name(values: dict[str, object], faulty: list[str]):
    with pytest.raises(InvalidOption) as caught:
        Subject.parse(values)
    assert sorted(caught.value.faults) == faulty


def test_unknown_options_are_refused_with_the_list_of_options():
    with pytest.raises(InvalidOption, match=r"blur_everything: there is no such option .*visibility_min"):
        RunOptions.parse({"blur_everything": True})


@pytest.mark.parametrize("word", ["on", "true", "1", "ON", "True"])
def test_form_values_that_mean_true(word: str):
    assert RunOptions.parse({"main_refiner": word}).main_refiner is True


@pytest.mark.parametrize("word", ["off", "false", "0"])
def test_the_depth_refiner_is_on_until_it_is_turned_off(word: str):
    assert options.run_options(parse()).main_refiner is True
    assert options.run_options(parse("--no-main-refiner")).main_refiner is False
    assert RunOptions.parse({"main_refiner": word}).main_refiner is False


def test_an_error_names_the_flag_and_exits_with_2(capsys: pytest.CaptureFixture[str]):
    arguments = ["run", "--video", "v.mp4", "--height", "3", "--weight", "75", "--visibility-min", "0.5"]
    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        "humanpose3d: --height should be less than or equal to 2.5, not 3.0 (standing height in metres, 0.5 to 2.5)\n"
    )


def test_a_missing_flag_is_argparse_s_own_exit_2(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["run", "--video", "v.mp4"])
    assert caught.value.code == 2
    assert "--height" in capsys.readouterr().err


def test_a_part_that_ends_before_it_begins_is_refused():
    assert options.run_options(parse("--start", "1.5", "--end", "2")) == RunOptions(start=1.5, end=2.0)
    with pytest.raises(InvalidOption) as refused:
        options.run_options(parse("--start", "2", "--end", "1.5"))
    assert "should be later than start (2)" in refused.value.faults["end"]


def test_a_decimal_comma_is_a_decimal_point():
    parser = argparse.ArgumentParser()
    options.add_run_options(parser)
    parsed = parser.parse_args(["--height", "1,78", "--weight", "75,5", "--visibility-min", "0,2"])
    assert options.subject(parsed) == Subject(height=1.78, weight=75.5)
    assert options.run_options(parsed).visibility_min == 0.2
    assert Subject.parse({"height": "1,78", "weight": "75"}) == Subject(height=1.78, weight=75)
    assert RunOptions.parse({"focal_length_35mm": "26,5"}).focal_length_35mm == 26.5
    with pytest.raises(InvalidOption):
        Subject.parse({"height": "1,7,8", "weight": "75"})


@pytest.mark.parametrize(
    ("height", "weight", "doubted"),
    [(1.70, 165, True), (0.9, 70, True), (1.75, 25, True), (0.9, 13, False), (1.1, 19, False), (1.78, 75, False)],
)
def test_implausible_subjects_are_questioned_and_children_are_not(height, weight, doubted):
    assert (Subject(height=height, weight=weight).doubt is not None) == doubted


def test_a_neutral_stance_is_two_times_in_any_notation():
    expected = RunOptions(neutral=(0.5, 2.0))
    assert options.run_options(parse("--neutral", "0,5", "2")) == expected
    assert RunOptions.parse({"neutral": "0,5 2"}) == RunOptions.parse({"neutral": (0.5, 2)}) == expected
    assert RunOptions.read(expected.model_dump_json().encode()) == expected


@pytest.mark.parametrize("value", ["2", "2 1", "a b", "1 2 3", "-1 2", "0 inf", 3, (2.0,), "nan 1"])
def test_anything_else_is_no_neutral_stance(value: object):
    with pytest.raises(InvalidOption, match="two times in seconds, START before END"):
        RunOptions.parse({"neutral": value})


def test_there_is_one_neutral_stance():
    with pytest.raises(InvalidOption, match="neutral_run: cannot be combined with neutral"):
        RunOptions.parse({"neutral": "0 1", "neutral_run": "stance"})
