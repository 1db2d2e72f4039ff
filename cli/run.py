"""`humanpose3d run`: the whole pipeline in one process, results in `DIR/<video>/`."""

import argparse
import json
import sys
from pathlib import Path

from cli import options
from humanpose3d.errors import HumanPose3DError
from shared.program import take_stdout

DEFAULT_OUTPUT = Path("out")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and the function that runs the command."""
    parser.add_argument("--video", type=Path, required=True, help="the video of one person")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, metavar="DIR", help="default: %(default)s")
    parser.add_argument(
        "--progress",
        choices=("bars", "json"),
        default="bars",
        help="json: progress, then the results' folder or the problem, as JSON lines on stdout (default %(default)s)",
    )
    options.add_run_options(parser)
    parser.set_defaults(command=_command)


def _command(parsed: argparse.Namespace) -> int:
    subject, run_options = options.subject(parsed), options.run_options(parsed)
    # Deferred: importing the stages takes longer than printing a usage error should.
    from cli.pipeline import run_pipeline
    from cli.progress import JsonLines, bar
    from humanpose3d.api_models import ProblemDetails

    if parsed.progress == "bars" and subject.doubt is not None:
        print(f"note: {subject.doubt}", file=sys.stderr)
    if parsed.progress == "bars":
        _print_summary(run_pipeline(parsed.video, subject, run_options, parsed.output, bar))
        return 0
    program = JsonLines(take_stdout())
    try:
        folder = run_pipeline(parsed.video, subject, run_options, parsed.output, program.bar)
    except HumanPose3DError as error:
        program.say(problem=ProblemDetails.of(error).model_dump())
        return error.exit_code
    program.say(results=str(folder.absolute()))
    return 0


def _print_summary(folder: Path) -> None:
    # Deferred, as above.
    from humanpose3d.formats.analysis_files import read_analysis
    from shared.results.key_figures import text_lines

    quality = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
    for warning in quality["warnings"]:
        print(f"note: {warning['message']}")
    print(f"Results in {folder}:")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            print(f"  {path.relative_to(folder)}  ({path.stat().st_size / 1000:,.0f} kB)")
    for line in text_lines(read_analysis(folder)):
        print(line)
    print(quality["verdict"])
