"""What only the command line raises: wrong usage, a question nobody can answer, nothing found."""

from __future__ import annotations

from cmo.errors import CmoError


class UsageProblem(CmoError):
    """The command was typed wrongly."""

    code = "usage"


class NeedsPerson(CmoError):
    """A question has to be answered, and there is no terminal (or `--no-input`)."""

    code = "needs_person"


class NothingMatched(CmoError):
    code = "nothing_matched"


class InputBad(CmoError):
    """Data given by the operator is bad; the message names the place."""

    code = "input_bad"


class Exits(CmoError):
    """Carries the exit code of another process."""

    code = "worker_ended"

    def __init__(self, message: str, *, exit_code: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class Left(CmoError):
    """The operator said no; nothing was done."""

    code = "left"
