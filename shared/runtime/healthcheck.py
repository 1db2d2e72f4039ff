"""`python -m shared.runtime.healthcheck URL` exits with 0 where the address answers.

For the health checks of containers.
"""

import sys
import urllib.error
import urllib.request


def main(url: str) -> int:
    """Ask once."""
    try:
        with urllib.request.urlopen(url, timeout=3):  # noqa: S310 -- the address is the image's own
            return 0
    except (urllib.error.URLError, TimeoutError):
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
