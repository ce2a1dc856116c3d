"""`cmo` and `python -m cmo`."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run the command line and return its exit code; the version is answered before anything is imported."""
    if sys.argv[1:2] == ["--version"]:
        from cmo import __version__

        try:
            print(f"cmo {__version__}", flush=True)
        except OSError as error:
            return _unwritten(error)
        return 0
    gc.disable()  # nothing of what is loaded is garbage: to look for some takes an eighth of the start
    from cmo.cli.app import main as run

    gc.enable()
    return run(sys.argv[1:])


def _unwritten(error: OSError) -> int:
    """Says that the version could not be written; the exit code. A reader that left early is told nothing."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains while it ends
    if isinstance(error, BrokenPipeError):
        return 141
    print(f"cmo: Cannot write the output: {error.strerror}.", file=sys.stderr)
    return 73


if __name__ == "__main__":
    sys.exit(main())
