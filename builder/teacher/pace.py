"""The pace of one server: how many calls may be in flight at it, and when it is given a rest.

Results are counted in rounds of about as many calls as may be in flight. After each round:

    more than a fifth turned away (429, overloaded)   fewer calls, in proportion; at least half stay
    asked for a number                                back up towards that number
    asked for `auto`                                  twice as many while that brings answers faster; where it does
                                                      not, the server queues, and the number before is right; from
                                                      time to time half as many more are tried

The last is a hill climb on answers per second (no length, no latency of a single call enters: long answers are no
sign of load). While at least half of a round is turned away and the server says how long to wait, nobody starts.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

_FIRST = 8
_MOST = 1024
_TURNED_AWAY = 0.2
_SHUT = 0.5
_FASTER = {2.0: 1.3, 1.5: 1.15}
"""Growth tried -> growth of answers per second that proves it; noise of a round is about a tenth."""
_ROUNDS_BETWEEN_TRIES = 16


class Pace:
    """Lets calls in and out; belongs to one event loop."""

    def __init__(self, asked: int | None) -> None:
        """Start at the number asked for; None finds it."""
        self._auto = asked is None
        self._most = asked or _MOST
        self.limit = asked or _FIRST
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._open_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._best = (0.0, self.limit)
        """Answers per second of the best round since the load last changed, and the limit it was seen at."""
        self._growth = 2.0
        """What the limit was multiplied by for this round; 1 where it was not."""
        self._quiet = 0
        self._new_round()

    def _new_round(self) -> None:
        self._began, self._answered, self._failed, self._away, self._rested = time.monotonic(), 0, 0, 0, False

    @property
    def _is_open(self) -> bool:
        return self.in_flight < self.limit and time.monotonic() >= self._open_at

    async def enter(self) -> None:
        """Wait until one more call may be in flight."""
        if not self._waiting and self._is_open:
            self.in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn  # `_let_in` counts us before it wakes us
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.in_flight -= 1
                self._let_in()
            raise

    def leave(self, *, answered: bool, turned_away: bool = False, wait: float = 0.0) -> None:
        """Count a call that has ended.

        Args:
            answered: it brought an answer.
            turned_away: the server had no room for it (429, 503, 529).
            wait: seconds the server asks to wait.
        """
        self.in_flight -= 1
        self._answered += answered
        self._failed += not answered
        self._away += turned_away
        done = self._answered + self._failed
        if turned_away and wait and done >= 4 and self._away / done >= _SHUT:
            self._rest(wait)
        if done >= max(self.limit, 8):
            self._end_round(done)
        self._let_in()

    def withdraw(self) -> None:
        """Give a place back that was not used."""
        self.in_flight -= 1
        self._let_in()

    def open_wide(self) -> None:
        """Let everybody in who waits, and everybody after: the run has stopped, and they only need to hear it."""
        self.limit, self._open_at = 2**31, 0.0
        self._let_in()

    def _rest(self, seconds: float) -> None:
        self._open_at = max(self._open_at, time.monotonic() + seconds)
        self._rested = True
        if self._timer is not None:
            self._timer.cancel()
        wait = max(0.0, self._open_at - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(wait, self._let_in)

    def _let_in(self) -> None:
        while self._waiting and self._is_open:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self.in_flight += 1
                turn.set_result(None)

    def _end_round(self, done: int) -> None:
        away = self._away / done
        wanted = bool(self._waiting)  # else the limit was not what held us
        rate = self._answered / max(time.monotonic() - self._began, 1e-6)
        if away > _TURNED_AWAY:
            self.limit = max(1, int(self.limit * max(0.5, 1 - away)))
            self._best, self._growth, self._quiet = (0.0, self.limit), 1.0, 0
        elif not self._auto:
            self.limit = min(self._most, self.limit + max(1, self.limit // 4))
        elif wanted and not self._rested:
            self._climb(rate)
        self._new_round()

    def _climb(self, rate: float) -> None:
        best, at = self._best
        if self._growth > 1 and best and rate < best * _FASTER[self._growth]:
            self.limit, self._growth, self._quiet = at, 1.0, 0  # more in flight, no more answers: it queues
            return
        if self._growth > 1 or not best:
            self._best = (rate, self.limit)
        else:
            self._best = ((best + rate) / 2, self.limit)  # what this limit gives, smoothed
            self._quiet += 1
            if self._quiet < _ROUNDS_BETWEEN_TRIES:
                return
        self._growth = self._growth if self._growth > 1 else 1.5
        self._quiet = 0
        self.limit = min(self._most, int(self.limit * self._growth) + 1)
