"""The pace: as many calls in flight as were asked for, or as the server bears; tried on servers in simulated time."""

import asyncio
import random

import pytest

from builder.teacher import pace as module
from builder.teacher.pace import Pace


class Clock:
    """Simulated seconds: a loop whose timers fire at once, in order."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


class Stuck(Exception):
    pass


def run(work, monkeypatch):
    """Run a coroutine in simulated time."""
    clock = Clock()
    monkeypatch.setattr(module.time, "monotonic", clock.monotonic)
    loop = asyncio.new_event_loop()
    select = loop._selector.select

    def skip(timeout):
        if timeout is None:
            raise Stuck
        clock.now += timeout
        return select(0)

    loop._selector.select = skip
    loop.time = clock.monotonic
    try:
        return loop.run_until_complete(work), clock.now
    except Stuck:
        raise AssertionError("everybody waits and no timer is set") from None
    finally:
        loop.close()


async def through(pace, calls, serve):
    """Send so many calls to a server; return how many were in flight when each began."""
    seen, tried = [], 0

    async def one(number):
        nonlocal tried
        while True:
            await pace.enter()
            tried += 1
            seen.append(pace.in_flight)
            away, wait, seconds = serve(pace.in_flight, random.Random(f"{number} {tried}"))
            await asyncio.sleep(seconds)
            pace.leave(answered=not away, turned_away=away, wait=wait)
            if not away:
                return
            await asyncio.sleep(max(wait, 0.5))

    tasks = set()
    for number in range(calls):
        while len(tasks) > 2 * pace.limit:
            _, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        tasks.add(asyncio.ensure_future(one(number)))
    await asyncio.gather(*tasks)
    return seen, tried


def steady(in_flight, rng):
    return False, 0.0, 0.3 * rng.lognormvariate(0, 0.5)


def capacity(most, wait=0.0):
    """A server that turns away what is beyond its capacity."""

    def serve(in_flight, rng):
        return (True, wait, 0.001) if in_flight > most else steady(in_flight, rng)

    return serve


def queueing(most):
    """A server that takes everything and serves `most` at a time: more in flight only wait longer."""

    def serve(in_flight, rng):
        return False, 0.0, 0.3 * rng.lognormvariate(0, 0.3) * max(1.0, in_flight / most)

    return serve


def test_so_many_as_were_asked_for_and_never_more(monkeypatch):
    (seen, _), _ = run(through(Pace(12), 300, steady), monkeypatch)
    assert max(seen) == 12 and seen.count(12) > 200


def test_auto_climbs_to_many_at_a_server_that_bears_them(monkeypatch):
    pace = Pace(None)
    (seen, tried), seconds = run(through(pace, 6000, steady), monkeypatch)
    assert tried == 6000 and seen[0] == 1 and max(seen) > 300
    assert seconds < 6000 * 0.34 / 100, "as if a hundred had been in flight from the start"


@pytest.mark.parametrize("most", [10, 64])
def test_auto_finds_the_capacity_of_a_server_that_turns_the_rest_away(most, monkeypatch):
    pace = Pace(None)
    (_, tried), seconds = run(through(pace, 6000, capacity(most)), monkeypatch)
    assert seconds < 1.35 * 6000 * 0.34 / most
    assert tried < 6000 * 1.4, "and does not batter it"
    assert most / 3 < pace.limit < 3 * most


def test_auto_stops_climbing_where_more_calls_bring_no_more_answers(monkeypatch):
    pace = Pace(None)
    (_, _), seconds = run(through(pace, 8000, queueing(32)), monkeypatch)
    assert pace.limit < 4 * 32, "the queue at the server stays short"
    assert seconds < 1.25 * 8000 * 0.314 / 32


def test_a_number_that_is_too_many_shrinks_and_comes_back(monkeypatch):
    pace = Pace(64)
    (_, tried), _ = run(through(pace, 2000, capacity(20)), monkeypatch)
    assert 8 <= pace.limit <= 40 and tried < 2000 * 1.6
    run(through(pace, 3000, steady), monkeypatch)
    assert pace.limit == 64


def test_a_few_turned_away_at_random_slow_nobody_down(monkeypatch):
    def flaky(in_flight, rng):
        return (True, 1.0, 0.01) if rng.random() < 0.1 else steady(in_flight, rng)

    pace = Pace(64)
    (_, _), seconds = run(through(pace, 3000, flaky), monkeypatch)
    assert pace.limit == 64 and seconds < 1.35 * 3000 * 0.34 / 64


def test_while_everybody_is_turned_away_nobody_starts_before_the_server_said(monkeypatch):
    shut_until = 30.0
    starts = []

    def serve(in_flight, rng):
        now = module.time.monotonic()
        starts.append(now)
        return (True, shut_until - now, 0.01) if now < shut_until else steady(in_flight, rng)

    run(through(Pace(32), 400, serve), monkeypatch)
    early = [start for start in starts if start < shut_until]
    assert len(early) <= 64 and max(early) < 1.0, "one round finds it out; then there is quiet"


def test_one_that_is_cancelled_while_it_waits_leaves_its_place_to_the_next(monkeypatch):
    async def work():
        pace = Pace(1)
        await pace.enter()
        waiting = [asyncio.ensure_future(pace.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        pace.withdraw()
        waiting[1].cancel()  # it has its place, but has not run since
        await asyncio.wait_for(waiting[2], 1)
        assert pace.in_flight == 1

    run(work(), monkeypatch)


def test_when_the_run_stops_all_who_wait_hear_of_it_at_once(monkeypatch):
    async def work():
        pace = Pace(1)
        await pace.enter()
        waiting = [asyncio.ensure_future(pace.enter()) for _ in range(5)]
        await asyncio.sleep(0)
        pace.open_wide()
        await asyncio.wait_for(asyncio.gather(*waiting), 1)

    run(work(), monkeypatch)
