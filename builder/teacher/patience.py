"""When to try again, and when to give up: on a call, and on a server as a whole."""

from __future__ import annotations

import random

from builder.errors import TeacherError
from builder.teacher import Fault, Teacher

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
LONGEST_ASKED = 300.0
"""The most we wait when the server says how long; a day's quota is better met by running again."""
_IN_A_ROW = 20
"""So many calls in a row that fail, each after its retries, mean that the server has gone bad."""
_FEW = 3
"""So many refused keys or unknown models, where answers came before: one 404 may be a router in a bad moment."""
UNFIT = "not the schema"
_UNFIT_TO_JUDGE = 20
"""So many answers that do not fit the schema, and none that does: each is paid for."""
_ENOUGH_TO_JUDGE = 20
"""Calls from which on the share of failures is judged."""


def wait_after(attempt: int, fault: Fault) -> float:
    """Return how many seconds to wait before the next attempt, the first being 0."""
    # jitter, so that calls which failed together do not come back together
    backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1.5)
    return max(backoff, fault.wait)


class Patience:
    """What a run bears of one teacher before it stops."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self._answered = self._failed = 0
        self._in_a_row = self._fatal = self._unfit = 0

    def answered(self, count: int) -> None:
        """Count answers: the server is well."""
        self._answered += count
        self._in_a_row = self._fatal = self._unfit = 0

    def refused(self, fault: Fault) -> TeacherError | None:
        """Count an attempt that failed; return the error to stop with, if every further one would fail as well."""
        self._fatal += fault.fatal
        self._unfit += fault.kind == UNFIT
        if self._fatal >= (_FEW if self._answered else 1):
            return self._error(f"{fault}; stopped")
        if self._unfit >= _UNFIT_TO_JUDGE and not self._answered:
            why = "the server seems to ignore json_schema, or max_tokens is too small for it"
            return self._error(f"the first {self._unfit} answers were {fault}; {why}; stopped")
        return None

    def failed(self, fault: Fault, count: int) -> TeacherError | None:
        """Count so many answers that are given up; return the error to stop with, if there are too many."""
        self._failed += count
        self._in_a_row += 1
        if self._in_a_row >= _IN_A_ROW:
            return self._error(f"{fault}; stopped")
        limit, asked = self._teacher.config.max_failures, self._failed + self._answered
        if asked < _ENOUGH_TO_JUDGE or self._failed / asked <= limit:
            return None
        share = f"{self._failed} of {asked} calls failed, each after its retries, more than max_failures {limit:g}"
        return self._error(f"{share}; the last: {fault}; stopped")

    def _error(self, why: str) -> TeacherError:
        return TeacherError(f"teacher {self._teacher.name}: {why}")
