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
_ENOUGH_TO_JUDGE = 20
"""Calls from which on the share of failures is judged."""


def wait_after(attempt: int, fault: Fault) -> float:
    """Return how many seconds to wait before the next attempt, the first being 0."""
    # jitter, so that calls which failed together do not come back together
    backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1.5)
    return max(backoff, fault.wait)


class Patience:
    """What a run bears before it stops."""

    def __init__(self) -> None:
        self._in_a_row = self._fatal = 0

    def answered(self) -> None:
        """Count an answer: the server is well."""
        self._in_a_row = self._fatal = 0

    def refused(self, teacher: Teacher, fault: Fault, answered: int) -> TeacherError | None:
        """Count a fault that every further call would meet; return the error to stop with, if it is enough."""
        self._fatal += fault.fatal
        if self._fatal < (_FEW if answered else 1):
            return None
        return TeacherError(f"teacher {teacher.name}: {fault}; stopped")

    def in_a_row(self, teacher: Teacher, fault: Fault, had: int) -> TeacherError | None:
        """Count a call that is given up; return the error to stop with, if there were too many without an answer.

        Args:
            teacher: who failed it.
            fault: how.
            had: answers so far, from the server or the ledger.
        """
        self._in_a_row += 1
        of_no_use = fault.kind in ("http 400", "http 422") and not had  # an argument the server does not take
        if self._in_a_row < (_FEW if of_no_use else _IN_A_ROW):
            return None
        return TeacherError(f"teacher {teacher.name}: {fault}; stopped")


def too_many(teacher: Teacher, last: Fault, failed: int, answered: int) -> TeacherError | None:
    """Return the error to stop with where too large a share of the calls of a run has failed."""
    limit, asked = teacher.config.max_failures, failed + answered
    if asked < _ENOUGH_TO_JUDGE or failed / asked <= limit:
        return None
    share = f"{failed} of {asked} calls failed, each after its retries, more than max_failures {limit:g}"
    return TeacherError(f"teacher {teacher.name}: {share}; the last: {last}; stopped")
