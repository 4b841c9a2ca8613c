"""Every error the builder raises on purpose.

    BuilderError            exit code 1: the build failed or stopped; run the same command to go on
    ├── InputError          exit code 2: what the user gave is wrong; lists every problem found, not the first
    ├── TeacherError        exit code 1: the teacher cannot be reached or refuses every call
    └── TableLawError       exit code 1: a step broke a law of the table (a defect of the step, not of the data)

An error is a sentence for the user: where, what was found, what was expected, how to fix it. The command line
prints it without a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong: `file:line: what (fix)`."""

    file: str = ""
    line: int = 0
    what: str = ""
    fix: str = ""

    def __str__(self) -> str:
        """Render as one line, the way compilers do, so that editors can jump to it."""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{where}{self.what}" + (f" ({self.fix})" if self.fix else "")


class BuilderError(Exception):
    """Base of all expected errors."""

    exit_code = 1


class InputError(BuilderError):
    """The recipe, the seeds or the command line is wrong; carries all problems at once."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        self.problems = [Problem(what=problems)] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class TeacherError(BuilderError):
    """The teacher as a whole is unusable (unreachable, key refused, model unknown); no row is at fault."""


class TableLawError(BuilderError):
    """A step lost a row, a column or an id. Says which step and which rows."""
