"""`humanpose3d run`: one video, or many with a table of subjects; results in `DIR/<video>/`."""

import argparse
import json
import signal
import sys
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter

from cli import options
from cli.config import read_config
from cli.main import INTERRUPTED
from humanpose3d.errors import HumanPose3DError
from humanpose3d.language import Said, Translator
from humanpose3d.notes import RunNotes
from humanpose3d.options import QualityWarning, RunOptions
from humanpose3d.run_job import RunJob
from shared.program import take_stdout

DEFAULT_OUTPUT = Path("out")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and the function that runs the command."""
    parser.add_argument("--video", type=Path, help="the video of one person")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, metavar="DIR", help="default: %(default)s")
    parser.add_argument("--name", help="name of the results' folder and files (default: the video's)")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="take options from a run's run.json or a TOML file; flags go first"
    )
    parser.add_argument(
        "--progress",
        choices=("bars", "json"),
        default="bars",
        help="json: progress, then the results' folder or the problem, as JSON lines on stdout (default %(default)s)",
    )
    parser.add_argument("--scouted", type=Path, help=argparse.SUPPRESS)  # by `--people`, for the runs of one video
    batch = parser.add_argument_group("many videos")
    batch.add_argument(
        "videos", nargs="*", type=Path, metavar="VIDEO|FOLDER", help="in place of --video; results that exist are kept"
    )
    batch.add_argument(
        "--subjects", type=Path, metavar="FILE.csv", help="who is in which video: a table as --write-subjects makes it"
    )
    batch.add_argument(
        "--write-subjects", type=Path, metavar="FILE.csv", help="write that table, to be filled in, and do nothing else"
    )
    batch.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="videos at once (default %(default)s: each uses all cores as it is, and memory of its own)",
    )
    batch.add_argument(
        "--people",
        type=_people,
        metavar="all|N",
        help="analyse all people in view, or the N who would be chosen first, each in a folder of its own",
    )
    options.add_run_options(parser)
    parser.set_defaults(command=partial(_command, parser))


def _command(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> int:
    _check(parser, parsed)
    run_options = options.run_options(parsed, read_config(parsed.config))
    if parsed.videos or parsed.people:
        return _run_many(parsed, run_options)
    return (_run_for_program if parsed.progress == "json" else _run_one)(parsed, run_options)


def _check(parser: argparse.ArgumentParser, parsed: argparse.Namespace) -> None:
    """End with a message where arguments are missing or do not go together."""
    if (parsed.video is None) == (not parsed.videos):
        parser.error("one of the arguments --video and VIDEO|FOLDER is required, not both")
    if (parsed.videos or parsed.people) and (parsed.name is not None or parsed.progress == "json"):
        parser.error("--name and --progress json are for one --video, without --people")
    if parsed.video is not None and not parsed.people and (parsed.subjects or parsed.write_subjects):
        parser.error("--subjects and --write-subjects are for videos or folders without --video, or for --people")
    if parsed.jobs < 1:
        parser.error(f"--jobs should be at least 1, not {parsed.jobs}")
    missing = [f"--{name}" for name in ("height", "weight") if name not in options.subject_given(parsed)]
    if missing and not parsed.subjects and not parsed.write_subjects:
        parser.error(f"the following arguments are required: {', '.join(missing)}")


def _run_one(parsed: argparse.Namespace, run_options: RunOptions) -> int:
    job = _job(parsed, run_options)
    if job.subject.doubt is not None:
        print(f"note: {job.subject.doubt}", file=sys.stderr)
    # Deferred: importing the stages takes longer than printing a usage error should.
    from cli.pipeline import run_pipeline
    from cli.progress import bar

    folder = run_pipeline(job, parsed.output, bar, parsed.name)
    _print_summary(folder, Translator(run_options.language))
    return 0


def _run_for_program(parsed: argparse.Namespace, run_options: RunOptions) -> int:
    job = _job(parsed, run_options)
    try:
        # Deferred, as above.
        from cli.pipeline import run_pipeline
        from cli.progress import JsonLines
        from humanpose3d.api_models import ProblemDetails

        program = JsonLines(take_stdout())
        try:
            folder = run_pipeline(job, parsed.output, program.bar, parsed.name)
        except HumanPose3DError as error:
            program.say(problem=ProblemDetails.of(error).model_dump())
            return error.exit_code
        program.say(results=str(folder.absolute()))
    except KeyboardInterrupt:
        return INTERRUPTED  # the program that stopped it knows
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends now; Python would show where it was interrupted
    return 0


def _job(parsed: argparse.Namespace, run_options: RunOptions) -> RunJob:
    """The run of one video. Raises InvalidOption."""
    notes = RunNotes.parse(options.notes_given(parsed))
    return RunJob(parsed.video, options.subject(parsed), run_options, notes, parsed.scouted)


def _run_many(parsed: argparse.Namespace, run_options: RunOptions) -> int:
    # Deferred, as above.
    from cli.batch.command import Job, run_batch
    from humanpose3d.batch.subjects import assign, by_person, same_person, write_template
    from humanpose3d.batch.videos import find_videos
    from humanpose3d.formats.files import read_lines

    videos = find_videos(parsed.videos or [parsed.video], parsed.output)
    if parsed.people:
        # Deferred, as above, and only here: it loads the networks.
        from cli.batch.people import each_person

        videos = each_person(videos, parsed.people, run_options, parsed.output)
    given = options.subject_given(parsed) | options.notes_given(parsed)
    if parsed.write_subjects:
        write_template(parsed.write_subjects, videos, given, run_options.csv_style)
        print(f"{parsed.write_subjects} lists {len(videos)} videos; fill it in and give it to --subjects")
        return 0
    if parsed.subjects:
        lines, table = read_lines(parsed.subjects), str(parsed.subjects)
        videos = by_person(lines, table, videos)
        found, doubts = assign(lines, table, videos, given)
    else:
        found, doubts = same_person(videos, given)
    for doubt in doubts:
        print(f"note: {doubt}", file=sys.stderr)
    jobs = [
        Job(video.path, about, about.options(run_options), video.person, video.scouted)
        for video, about in zip(videos, found, strict=True)
    ]
    return run_batch(jobs, parsed.output, parsed.jobs)


def _people(given: str) -> str | int:
    """`all`, or how many. Raises ValueError, which argparse reports."""
    if given == "all":
        return given
    if int(given) < 1:
        raise ValueError(given)
    return int(given)


def _print_summary(folder: Path, t: Translator) -> None:
    # Deferred, as above.
    from humanpose3d.formats.analysis_files import read_analysis
    from shared.results.key_figures import text_lines

    quality = json.loads((folder / "quality.json").read_text(encoding="utf-8"))
    for warning in quality["warnings"]:
        note = QualityWarning.model_validate(warning, extra="ignore")
        print(t("note: {text}", text=t(note.said)))
    print(t("Results in {folder}:", folder=str(folder)))
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            print(f"  {path.relative_to(folder)}  ({path.stat().st_size / 1000:,.0f} kB)")
    for line in text_lines(read_analysis(folder), t):
        print(line)
    print(t(TypeAdapter(Said).validate_python(quality["verdict_text"])))
