"""`humanpose3d keys add`: make an API key. The key is shown once; the file holds its hash."""

import argparse
from pathlib import Path

from gateway.api_keys import append, create
from humanpose3d.errors import InvalidOption, OutputNotWritable


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and the function that runs the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="create a key")
    add.add_argument("--owner", required=True, help="whose runs they are; several keys may have one owner")
    add.add_argument(
        "--runs-per-day", type=int, metavar="N", help="runs that the key may start in 24 hours (default: unlimited)"
    )
    add.add_argument(
        "--file", type=Path, required=True, help="the file that HUMANPOSE3D_API_KEYS_FILE names; created if missing"
    )
    add.set_defaults(command=_add)


def _add(parsed: argparse.Namespace) -> int:
    if parsed.runs_per_day is not None and parsed.runs_per_day < 1:
        raise InvalidOption({"runs_per_day": f"should be at least 1, not {parsed.runs_per_day}"})
    secret, key = create(parsed.owner, parsed.runs_per_day)
    try:
        append(parsed.file, key)
    except OSError as error:
        raise OutputNotWritable(f"The key file {parsed.file} cannot be written ({error.strerror}).") from None
    print(f"API key of {parsed.owner}, shown this once: {secret}")
    return 0
