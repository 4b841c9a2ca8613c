"""The pace of one server: how many calls may be in flight, and when it is given a rest.

Results are counted in rounds of about twice as many calls as may be in flight. After each round:

    more than a fifth turned away (429, overloaded)   as many as were being served meanwhile; at once where
                                                      it is most of them
    asked for a number                                that many; after it was too many, from time to time half as
                                                      many more are tried
    asked for `auto`                                  twice as many while that brings answers faster; where it does
                                                      not, the server queues, and the number before is right; from
                                                      time to time half as many more are tried

The last is a hill climb on answers per second (no latency of a single call enters: a long answer is no sign of load).
While everybody is turned away and the server says how long to wait, nobody starts.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

_FIRST = 16
_MOST = 1024
_TURNED_AWAY = 0.2
_FASTER = {2.0: 1.3, 1.5: 1.15}
"""Growth tried -> growth of answers per second that proves it; noise of a round is about a tenth."""
_ROUNDS_BETWEEN_TRIES = (2, 16)
"""At first a try that failed is soon repeated, for it may have been noise; each further failure doubles the pause."""


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
        self._quiet, self._pause = 0, _ROUNDS_BETWEEN_TRIES[0]
        """Rounds since the last try, and how many are to pass before the next."""
        self._away_in_a_row = 0
        self._new_round()

    def _new_round(self) -> None:
        self._done = self._away = self._served = self._answered = 0
        self._half_at, self._rested = 0.0, False

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
        self._done += 1
        if turned_away:
            self._away += 1
            self._away_in_a_row += 1
            self._served = max(self._served, self.in_flight)
            if wait and self._away_in_a_row >= min(self.limit, 8):
                self._rest(wait)
        else:
            self._away_in_a_row = 0
        half = max(self.limit, _FIRST)
        if self._done == half:  # the calls of before have ended: from here on this limit shows
            self._half_at = time.monotonic()
        elif self._done > half:
            self._answered += answered
        storm = self._away >= max(8, self.limit // 4) and self._away > self._done / 2
        if storm or self._done >= 2 * half:
            self._end_round()
        self._let_in()

    def withdraw(self) -> None:
        """Give a place back that was not used."""
        self.in_flight -= 1
        self._let_in()

    def restrict(self, most: int) -> None:
        """Never let more than so many in: another teacher at this server asks for that."""
        self._most = min(self._most, most)
        self.limit = min(self.limit, most)

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
        self._timer = asyncio.get_running_loop().call_later(wait, self._reopen)

    def _reopen(self) -> None:
        self._open_at = 0.0  # said, not compared: a timer may fire a hair before its time
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._is_open:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self.in_flight += 1
                turn.set_result(None)

    def _end_round(self) -> None:
        away = self._away / self._done
        wanted = bool(self._waiting)  # else the limit was not what held us
        rate = self._answered / max(time.monotonic() - self._half_at, 1e-6)
        if away > _TURNED_AWAY:
            self.limit = max(1, min(self.limit - 1, max(self._served, self.limit // 2)))
            self._best, self._growth = (0.0, self.limit), 1.0
            self._try_later()
        elif wanted and not self._rested and self.limit < self._most:
            self._climb(rate)
        self._new_round()

    def _try_later(self) -> None:
        self._quiet, self._pause = 0, min(2 * self._pause, _ROUNDS_BETWEEN_TRIES[1])

    def _climb(self, rate: float) -> None:
        best, at = self._best
        if self._growth > 1 and best and rate < best * _FASTER[self._growth] and self._auto:
            self.limit, self._growth = at, 1.0  # more in flight, no more answers: it queues
            self._try_later()
            return
        if self._growth == 1:
            self._best = ((best + rate) / 2 if best else rate, self.limit)  # what this limit gives, smoothed
            self._quiet += 1
            if self._quiet < self._pause:
                return
            self._growth = 1.5
        else:
            self._best, self._pause = (rate, self.limit), _ROUNDS_BETWEEN_TRIES[0]
        self.limit = min(self._most, int(self.limit * self._growth) + 1)
