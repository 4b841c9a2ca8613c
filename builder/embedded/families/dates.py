"""Work out a date, or the time between two dates, from a plan told in words.

The garden fair is on 14 March 2025. The first review follows 10 working days after that. ... -> 2025-03-28
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

from builder.embedded import frame, plans, prose
from builder.embedded.grammar import Phrases
from builder.embedded.plans import Event
from builder.embedded.task import Messages, Slip, Task, user
from builder.embedded.vocab import WEEKDAYS

ABILITY = "reasoning"
WEIGHT = 3.0
REQUEST = Phrases(
    "[work out|find out|calculate] from the {text} {here:here} on which [date|day] {event} [is|falls]. {form}.",
    "[on which date|when] is {event}[, going by| according to] the {text} {here:here}? {form}.",
    "I need the date of {event}; [everything|all you need] is in the {text} {here:here}. {form}.",
    "[read|follow] the {text} {here:here} [step by step|carefully] and [tell me|give me|write] the date of "
    "{event}. {form}.",
)
GAP = Phrases(
    "[work out|find out|calculate] from the {text} {here:here} how many {unit} [lie between|there are "
    "between] {first} and {last}. {rule}.",
    "how many {unit} pass from {first} to {last}, [going by|according to] the {text} {here:here}? {rule}.",
    "[read|follow] the {text} {here:here} [step by step|carefully] and [tell me|write] how many {unit} "
    "there are from {first} to {last}. {rule}.",
    "I need the number of {unit} from {first} to {last}; [everything|all you need] is in the {text} "
    "{here:here}. {rule}.",
)
RULE = Phrases(
    "[do not count the first of these days, but count the last|leave out the first of these days and include "
    "the last]; "
    "[answer|reply] with the [bare |]number[ only|]",
    "the first of these days does not count, the last one does; [give|write] [just|only] the number",
)
FORMS = {
    "iso": Phrases("[write|give] [it|the date] [as|in the form] YYYY-MM-DD[ and nothing else|]"),
    "long": Phrases("[write|give] [it|the date] like 1 January 2000[, nothing more|]"),
    "weekday_long": Phrases("[write|give] [it|the date] with its weekday, like Saturday, 1 January 2000"),
    "slashes": Phrases("[write|give] [it|the date] as DD/MM/YYYY[ and nothing else|]"),
    "weekday": Phrases(
        "[only the weekday matters|I only care about the weekday], so [answer|reply] with [that|its name] alone"
    ),
}
UNITS = {
    "days": ("days",),
    "working_days": ("working days (Monday to Friday)", "weekdays (Monday to Friday)"),
    "weeks": ("whole weeks",),
    **{weekday: (f"{weekday}s",) for weekday in WEEKDAYS},
}


def sample(rng: random.Random) -> Task:
    """Draw a plan of three to five events, and ask for the date of one or the time between two."""
    plan = plans.draw(rng)
    days = plans.days_of(plan)
    text = rng.choice(("plan", "schedule", "note", "calendar", "list of events", "message"))
    body = rng.choice((" ", " ", "\n")).join(plans.spell(rng, event) for event in plan)
    names = list(days)
    first, last = sorted(rng.sample(names, 2), key=lambda name: days[name])
    events = [list(event) for event in plan]
    if rng.random() < 0.6 or (days[last] - days[first]).days < 8:
        event, form = rng.choice(names[1:]), rng.choice(list(FORMS))
        prompt = frame.compose(rng, REQUEST, body, text=text, event=event, form=prose.lowered(FORMS[form].render(rng)))
        check = {"check": "plan_date", "events": events, "event": event, "form": form}
    else:
        unit = rng.choice(["days", "days", "working_days", "working_days", "weeks", rng.choice(WEEKDAYS)])
        words, rule = rng.choice(UNITS[unit]), prose.lowered(RULE.render(rng))
        prompt = frame.compose(rng, GAP, body, text=text, unit=words, first=first, last=last, rule=rule)
        check = {"check": "plan_gap", "events": events, "first": first, "last": last, "unit": unit}
    return Task("dates", ABILITY, user(prompt), [check])


def answer(messages: Messages) -> str | None:
    """Read the plan, go through it, and give the date or the number asked for."""
    problem = _read(messages)
    return _solve(*problem) if problem else None


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield one day off, a step skipped or turned round, weekends counted, another event or form, a sentence."""
    if not (problem := _read(messages)):
        return
    plan, asked = problem
    for at, (event, how, value) in enumerate(plan[1:], 1):
        changed: dict[str, Event] = {"skipped_step": (event, "days", "0")}
        if how == "working_days":
            changed["counted_weekends"] = (event, "days", value)
        if how in ("days", "weeks", "months"):
            changed["wrong_direction"] = (event, how, str(-int(value)))
        if how in ("days", "working_days"):
            changed["one_day_off"] = (event, how, str(int(value) + 1))
        for kind, wrong in changed.items():
            with suppress(OverflowError, ValueError):  # a mistake may lead out of the calendar
                text = _solve([*plan[:at], wrong, *plan[at + 1 :]], asked)
                if not text.startswith("-"):
                    yield Slip(kind, text)
    if len(asked) == 2:
        event, form = asked
        if others := [name for name, *_ in plan if name != event]:
            yield Slip("other_event", _solve(plan, (rng.choice(others), form)))
        yield Slip("other_form", _solve(plan, (event, rng.choice([name for name in FORMS if name != form]))))
    else:
        first, last, unit = asked
        yield Slip("counted_both_ends", str(int(_solve(plan, asked)) + 1))
        yield Slip("other_unit", _solve(plan, (first, last, "days" if unit != "days" else "working_days")))
    yield Slip("full_sentence", f"Going by the plan, the answer is {response}.")


def _read(messages: Messages) -> tuple[list[Event], tuple[str, ...]] | None:
    """Return the plan, and what is asked: (event, form) or (first, last, unit)."""
    asked: tuple[str | None, ...] = (None,)
    if reading := frame.read(messages, REQUEST):
        form = next((name for name, phrases in FORMS.items() if phrases.read(reading.slots["form"]) is not None), None)
        asked = (reading.slots["event"], form)
    elif reading := frame.read(messages, GAP):
        unit = next((name for name, words in UNITS.items() if reading.slots["unit"] in words), None)
        known = unit if RULE.read(reading.slots["rule"]) is not None else None
        asked = (reading.slots["first"], reading.slots["last"], known)
    if not reading or None in asked or not (plan := plans.read(reading.body)):
        return None
    known_asked = tuple(filter(None, asked))
    days = plans.days_of(plan)
    events = known_asked[:-1]
    sound = set(events) <= set(days) and len(days) == len(plan) and days[events[0]] <= days[events[-1]]
    return (plan, known_asked) if sound else None


def _solve(plan: list[Event], asked: tuple[str, ...]) -> str:
    days = plans.days_of(plan)
    day = days[asked[-2]]
    if len(asked) == 3:
        return str(_count(days[asked[0]], day, asked[2]))
    weekday = WEEKDAYS[day.weekday()]
    return {
        "iso": day.isoformat(),
        "long": plans.in_words(day),
        "weekday_long": f"{weekday}, {plans.in_words(day)}",
        "slashes": f"{day:%d/%m/%Y}",
        "weekday": weekday,
    }[asked[1]]


def _count(first: date, last: date, unit: str) -> int:
    """Return how many of a unit lie after the first day, up to the last one."""
    days = (last - first).days
    if unit in WEEKDAYS:
        return (days + (first.weekday() - WEEKDAYS.index(unit)) % 7) // 7
    if unit == "working_days":
        return days - _count(first, last, "Saturday") - _count(first, last, "Sunday")
    return days // 7 if unit == "weeks" else days
