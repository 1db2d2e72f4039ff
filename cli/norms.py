"""`humanpose3d norms`: a file of gait norms from the runs of different people."""

import argparse
from pathlib import Path


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and the function that runs the command."""
    parser.add_argument("output", type=Path, metavar="OUT.csv", help="the file for --norms-path")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="results of walks, one folder a person")
    parser.add_argument("--about", required=True, help="population and method, to be shown with the norms")
    parser.set_defaults(command=_command)


def _command(parsed: argparse.Namespace) -> int:
    # Deferred: importing these libraries takes longer than printing a usage error should.
    from humanpose3d.formats.analysis_files import read_analysis
    from humanpose3d.formats.norms import norms_of, write_norms

    norms = norms_of([read_analysis(folder) for folder in parsed.runs], parsed.about)
    write_norms(parsed.output, norms)
    print(f"Wrote {parsed.output}: {len(norms.bands)} angles of {len(parsed.runs)} runs")
    return 0
