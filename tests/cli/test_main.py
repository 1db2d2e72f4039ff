import subprocess
import sys

import pytest

from cli.main import COMMANDS, main


def test_help_and_usage_errors_load_no_library():
    code = "import sys; from cli.main import parser; parser(['--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cli.main" in done.stdout.split()
    assert not {"numpy", "pydantic", "scipy", "av", "httpx", "cli.run"} & set(done.stdout.split())


def test_every_command_is_in_the_help(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("    ")][: len(COMMANDS)] == [*COMMANDS]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"usage: humanpose3d {command}" in capsys.readouterr().out


def test_an_unknown_command_is_refused_with_the_list_of_commands(capsys):
    with pytest.raises(SystemExit) as end:
        main(["walk"])
    assert end.value.code == 2
    assert "choose from 'run', 'serve'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "cause", "example"),
    [
        (
            ["run", "--video", "a.mp4"],
            "arguments are required: --height, --weight",
            "humanpose3d run --video",
        ),
        (["run", "--video", "a.mp4", "--height", "tall", "--weight", "75"], "'tall' is not a number", "--height 1.78"),
        (["fly"], "invalid choice: 'fly'", "humanpose3d --help"),
    ],
)
def test_an_error_is_reported_in_one_line_with_an_example(words, cause, example, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().split("\n")
    assert len(said) == 2
    assert cause in said[0]
    assert example in said[1]
