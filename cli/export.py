"""`humanpose3d export`: files for other programs from a finished run, as the run itself would have written them."""

import argparse
from pathlib import Path
from typing import Final, get_args

from humanpose3d.errors import InvalidOption, OutputNotWritable
from humanpose3d.options import CsvStyle

FORMATS: Final = ("osim", "mot", "c3d", "trc", "csv", "xlsx")
"""Those of `cli.export_files.WRITERS`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and the function that runs the command."""
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a run's results, or the run.json in it")
    parser.add_argument("--to", required=True, metavar="FORMATS", help=f"separated by commas: {', '.join(FORMATS)}")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: the run's folder")
    parser.add_argument("--csv-style", choices=get_args(CsvStyle), default="comma", help="of csv (default %(default)s)")
    parser.set_defaults(command=_command)


def _command(parsed: argparse.Namespace) -> int:
    formats = [name.strip() for name in parsed.to.split(",")]
    if unknown := [name for name in formats if name not in FORMATS]:
        raise InvalidOption({"to": f"is one or more of {', '.join(FORMATS)}, not {unknown[0]!r}"})
    # Deferred: importing what reads results takes longer than printing a usage error should.
    from cli.export_files import WRITERS
    from humanpose3d.results import read_run
    from shared.results.exports import use_style

    results = read_run(parsed.run.parent if parsed.run.name == "run.json" else parsed.run)
    output = parsed.output or results.folder
    try:
        output.mkdir(parents=True, exist_ok=True)
        made = [path for write in dict.fromkeys(WRITERS[name] for name in formats) for path in write(results, output)]
    except OSError as error:
        raise OutputNotWritable(f"The output folder {output} cannot be written ({error.strerror}).") from None
    for path in made:
        use_style(path, parsed.csv_style)
        print(f"Wrote {path}")
    return 0
