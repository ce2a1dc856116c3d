"""`cmo` and `python -m cmo`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return its exit code; the version is answered before anything is imported."""
    if sys.argv[1:2] == ["--version"]:
        from cmo import __version__

        print(f"cmo {__version__}")
        return 0
    from cmo.cli.app import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
