"""The meter: what was spent, what is under way, and whether one more call may start under the budget.

    meter.admits(…)      -> may this call start? its worst case is set aside if so
    meter.settle(…)      -> it ended; what it really used is counted

A budget is never passed: a call starts only if its worst case (every byte of the prompt a token, every answer as long
as max_tokens) fits beside what was spent and what the calls in flight may still cost. As they land for less, room
comes back. Of a call whose use the server never told (a reset, no usage in the body) the worst is assumed, for the
budget only; such calls are counted apart.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from builder.config import BudgetConfig, TeacherConfig
from builder.ledger import Usage
from builder.ledger.history import Spent
from builder.prices import Price

_TEMPLATE_TOKENS = 64
"""What a chat template may add to a prompt, at most."""

_CACHE_WRITE = 1.25
"""What some bill for input they put into a cache, as a multiple of its price."""

_ENOUGH = 20
"""Answers after which what all of them will cost is told."""


class Hold(NamedTuple):
    """The worst case of one call, set aside until it ends."""

    usd: float
    tokens: int


@dataclass
class Meter:
    """One per build; all its steps spend on it."""

    budget: BudgetConfig = field(default_factory=BudgetConfig)
    prices: Mapping[str, Price] = field(default_factory=dict)
    """By teacher's name; a teacher that is not in it has no known price."""
    calls: int = 0
    """Requests sent, in earlier runs of this build and in this one; so are the next two."""
    tokens: int = 0
    usd: float = 0.0
    run_usd: float = 0.0
    """Spent in this run."""
    run_calls: int = 0
    run_input: int = 0
    run_output: int = 0
    uncounted: int = 0
    """Calls of this run whose use the server never told."""
    unpriced: set[str] = field(default_factory=set)
    """Teachers asked in this run whose price is not known."""
    most: Mapping[str, int] = field(default_factory=dict)
    """Longest answer in tokens, by teacher's name."""
    _assumed_usd: float = 0.0
    """What calls may have cost whose use was never told; counts against the budget only."""
    _assumed_tokens: int = 0
    _held_usd: float = 0.0
    _held_tokens: int = 0
    _held_calls: int = 0
    _started: float | None = None
    _seconds: float = 0.0

    def recall(self, before: Sequence[Spent]) -> None:
        """Count what earlier runs of this build have spent."""
        for spent in before:
            self.calls += spent.calls
            self.tokens += spent.input_tokens + spent.output_tokens
            price = self.prices.get(spent.name)
            most = self.most.get(spent.name, 0)
            self._assumed_tokens += spent.uncounted * most
            self._assumed_usd += spent.uncounted * price.cost(0, most, batch=spent.in_batch) if price else 0.0
            if spent.unpriced and price is not None:  # its price was not known then; it is now
                tokens = (spent.input_tokens, spent.output_tokens, spent.cached_tokens)
                self.usd += price.cost(*tokens, batch=spent.in_batch)
            else:
                self.usd += spent.usd

    def admits(self, name: str, config: TeacherConfig, size: int, draws: int) -> Hold | str | None:
        """Set a call's worst case aside.

        Args:
            name: the teacher's.
            config: the teacher's.
            size: bytes of the request, which are more than its tokens.
            draws: answers asked for.

        Returns:
            The hold; None if it must wait for calls in flight to end; a sentence if it can never fit.
        """
        self._started = self._started or time.monotonic()
        hold = self._worst(name, config, size, draws)
        if (why := self._beyond(hold)) is not None:
            return None if self._held_calls and "minutes" not in why else why
        return self._set_aside(hold)

    def take(self, name: str, config: TeacherConfig, size: int) -> Hold:
        """Set aside the worst case of a call that an earlier run of this build made and that goes on, fit or not."""
        self.calls -= 1  # `recall` has counted it; `settle` does so again
        return self._set_aside(self._worst(name, config, size, 1))

    def _worst(self, name: str, config: TeacherConfig, size: int, draws: int) -> Hold:
        most_in, most_out = round(_CACHE_WRITE * (size + _TEMPLATE_TOKENS)), config.max_tokens * draws
        price = self.prices.get(name)
        return Hold(price.cost(most_in, most_out, batch=config.batch) if price else 0.0, most_in + most_out)

    def _set_aside(self, hold: Hold) -> Hold:
        self._held_usd += hold.usd
        self._held_tokens += hold.tokens
        self._held_calls += 1
        return hold

    def _beyond(self, hold: Hold) -> str | None:
        budget = self.budget
        usd, tokens = self.usd + self._assumed_usd, self.tokens + self._assumed_tokens
        if budget.usd is not None and usd + self._held_usd + hold.usd > budget.usd:
            return f"usd: ${usd:,.4f} of ${budget.usd:,.4f} is spent, and the next call may cost ${hold.usd:,.4f}"
        if budget.tokens is not None and tokens + self._held_tokens + hold.tokens > budget.tokens:
            return f"tokens: {tokens:,} of {budget.tokens:,} are used, and the next call may take {hold.tokens:,}"
        if budget.calls is not None and self.calls + self._held_calls + 1 > budget.calls:
            return f"calls: {self.calls:,} of {budget.calls:,} are made"
        if budget.minutes is not None and self._minutes() + self._mean_minutes() > budget.minutes:
            each = 60 * self._mean_minutes()
            return f"minutes: {self._minutes():.2f} of {budget.minutes:g} are over, and a call takes {each:.1f} s"
        return None

    def _minutes(self) -> float:
        return (time.monotonic() - self._started) / 60 if self._started is not None else 0.0

    def _mean_minutes(self) -> float:
        return self._seconds / self.run_calls / 60 if self.run_calls else 0.0

    def settle(self, hold: Hold, name: str, config: TeacherConfig, usage: Usage | None, seconds: float) -> Usage | None:
        """Count what a call really used, and let go of its hold.

        Args:
            hold: what `admits` gave.
            name: the teacher's.
            config: the teacher's.
            usage: what the server says; None where it refused the call and billed nothing.
            seconds: how long it took.

        Returns:
            The usage, with what it cost.
        """
        self.release(hold)
        self.calls += 1
        self.run_calls += 1
        self._seconds += seconds
        if usage is None:
            return None
        if usage.input_tokens is None or usage.output_tokens is None:
            self.uncounted += 1
            told = self.priced(name, config, usage).usd or 0.0
            self._assumed_usd += max(0.0, hold.usd - told)
            self._assumed_tokens += hold.tokens - (usage.input_tokens or 0) - (usage.output_tokens or 0)
        if usage.input_tokens is None and usage.output_tokens is None:
            return usage
        asked, said = usage.input_tokens or 0, usage.output_tokens or 0
        self.tokens += asked + said
        self.run_input += asked
        self.run_output += said
        priced = self.priced(name, config, usage)
        if priced.usd is None:
            self.unpriced.add(name)
            return usage
        self.usd += priced.usd
        self.run_usd += priced.usd
        return priced

    def priced(self, name: str, config: TeacherConfig, usage: Usage) -> Usage:
        """Return a usage with what it costs, where it says what was used and the price is known; counts nothing."""
        price = self.prices.get(name)
        if price is None or (usage.input_tokens is None and usage.output_tokens is None):
            return usage
        tokens = (usage.input_tokens or 0, usage.output_tokens or 0, usage.cached_tokens or 0)
        return replace(usage, usd=price.cost(*tokens, batch=config.batch))

    def release(self, hold: Hold) -> None:
        """Let go of the hold of a call that was not made."""
        self._held_usd -= hold.usd
        self._held_tokens -= hold.tokens
        self._held_calls -= 1

    def note(self, usd_before: float, done: int, total: int) -> str:
        """Return what to say beside a count of calls: spend so far, and what all of them will come to.

        Args:
            usd_before: what this run had spent when this piece of work began.
            done: answers paid for since.
            total: all that are to be paid for.
        """
        parts = []
        if self.run_usd:
            here, is_told = self.run_usd - usd_before, _ENOUGH <= done < total and not self.unpriced
            projected = f" of about ${usd_before + here * total / done:,.2f}" if is_told else ""
            parts.append(f"${self.run_usd:,.2f}{projected}")
        if used := self.run_input + self.run_output:
            parts.append(f"{used:,} tokens")
        return ", ".join(parts)
