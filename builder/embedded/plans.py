"""Plans in words: events on dates, most of them told by how long they come after the one before.

"The garden fair is on 14 March 2025. The first review follows 10 working days (Monday to Friday) after that."
-> [("the garden fair", "on", "2025-03-14"), ("the first review", "working_days", "10")]
"""

import calendar
import random
import re
from datetime import date, timedelta

from builder.embedded.grammar import Phrases
from builder.embedded.scenery import WORDS
from builder.embedded.vocab import MONTHS, WEEKDAYS
from builder.embedded.worlds import SENTENCE_END

STEPS = {
    "on": Phrases(
        "{event} is on {value}.",
        "{event} [is set|is planned|is booked|is down] for {value}.",
        "[for|as the day of] {event} we chose {value}.",
    ),
    "days": Phrases(
        "{event} [comes|follows|takes place] {value:int} days after that.",
        "{value:int} days after that, {event} follows.",
    ),
    "days_before": Phrases("{event} [has to come|comes|takes place] {value:int} days before that."),
    "weeks": Phrases(
        "{event} [comes|follows|takes place] {value:int} weeks after that.",
        "{value:int} weeks after that comes {event}.",
    ),
    "weeks_before": Phrases("{event} [has to come|comes|takes place] {value:int} weeks before that."),
    "months": Phrases("{event} [comes|follows|takes place] exactly {value:int} months after that."),
    "working_days": Phrases(
        "{event} [comes|follows|takes place] {value:int} working days (Monday to Friday) after that.",
        "{value:int} working days after that, Saturdays and Sundays not counted, {event} follows.",
    ),
    "next": Phrases("{event} [is|takes place|comes] on the [first|next] {value:word} after that."),
    "month_end": Phrases("{event} [is|takes place|comes] on the last day of that [same |]month."),
}
Event = tuple[str, str, str]


def draw(rng: random.Random) -> list[Event]:
    """Return events with different names: the first on a date, most others counted from the one before."""
    nouns = rng.sample(WORDS["events"], rng.randint(3, 5))
    names = [
        f"the {adjective} {noun}"
        for adjective, noun in zip(rng.sample(WORDS["kinds of event"], len(nouns)), nouns, strict=True)
    ]
    first = any_date(rng)
    plan: list[Event] = [(names[0], "on", first.isoformat())]
    for name in names[1:]:
        how = rng.choice(("days", "days", "weeks", "months", "working_days", "working_days", "next", "month_end", "on"))
        # Months are added only to a day that every month has.
        if how == "months" and days_of(plan)[plan[-1][0]].day > 28:
            how = "weeks"
        plan.append((name, how, _draw_value(rng, how, first)))
    return plan


def _draw_value(rng: random.Random, how: str, first: date) -> str:
    """Return how far an event of a plan is from the one before; one in four days or weeks counts back."""
    sign = "-" if rng.random() < 0.25 else ""
    match how:
        case "on":
            return (first + timedelta(days=rng.randint(20, 200))).isoformat()
        case "days":
            return f"{sign}{rng.randint(5, 90)}"
        case "weeks":
            return f"{sign}{rng.randint(2, 9)}"
        case "months":
            return str(rng.randint(2, 9))
        case "working_days":
            return str(rng.randint(3, 25))
        case "next":
            return rng.choice(WEEKDAYS)
    return ""


def any_date(rng: random.Random) -> date:
    """Return a date of the years 2021 to 2028."""
    return date(rng.randint(2021, 2028), 1, 1) + timedelta(days=rng.randrange(365))


def spell(rng: random.Random, event: Event) -> str:
    """Return the sentence that tells an event."""
    name, how, value = event
    if how == "on":
        day = date.fromisoformat(value)
        value = rng.choice((in_words(day), in_words(day), value, f"{MONTHS[day.month - 1]} {day.day}, {day.year}"))
    if value.startswith("-"):
        how, value = f"{how}_before", value[1:]
    return STEPS[how].render(rng, event=name, value=value)


def in_words(day: date) -> str:
    """Return a date as 14 March 2025."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def read(text: str) -> list[Event] | None:
    """Return the plan that a text tells, or None where a sentence tells no event."""
    plan: list[Event] = []
    day = date.min
    for sentence in SENTENCE_END.split(text.strip()):
        readings = [_event(how, slots) for how, phrases in STEPS.items() if (slots := phrases.read(sentence))]
        event = next(filter(None, readings), None)
        if event is None or (not plan and event[1] != "on"):
            return None
        if event[1] == "months" and day.day > 28:
            return None  # a month later than the 31st can mean more than one day
        try:
            day = _move(day, *event[1:])
        except (OverflowError, ValueError):
            return None
        plan.append(event)
    return plan


def _event(how: str, slots: dict[str, str]) -> Event | None:
    name, value = slots["event"], slots.get("value", "")
    name = name[:1].lower() + name[1:]
    if how == "on":
        day = read_date(value)
        return (name, how, day.isoformat()) if day else None
    if how == "next" and value not in WEEKDAYS:
        return None
    return (name, how.removesuffix("_before"), f"-{value}" if how.endswith("_before") else value)


def read_date(text: str) -> date | None:
    """Return the date of 14 March 2025, March 14, 2025 or 2025-03-14; None for any other text."""
    parts = text.replace(",", "").replace("-", " ").split()
    if len(parts) != 3 or not re.search(r"\b[1-9][0-9]{3}\b", text):
        return None
    if parts[0] in MONTHS:
        parts = [parts[2], parts[0], parts[1]]
    elif parts[1] in MONTHS:
        parts = parts[::-1]
    month = str(MONTHS.index(parts[1]) + 1) if parts[1] in MONTHS else parts[1]
    try:
        return date(int(parts[0]), int(month), int(parts[2]))
    except (ValueError, OverflowError):
        return None


def days_of(plan: list[Event]) -> dict[str, date]:
    """Return the date of every event."""
    days: dict[str, date] = {}
    day = date.min
    for name, how, value in plan:
        day = _move(day, how, value)
        days[name] = day
    return days


def _move(day: date, how: str, value: str) -> date:
    match how:
        case "on":
            return date.fromisoformat(value)
        case "weeks":
            return day + timedelta(weeks=int(value))
        case "months":
            year, month = divmod(day.month - 1 + int(value), 12)
            last = calendar.monthrange(day.year + year, month + 1)[1]
            return date(day.year + year, month + 1, min(day.day, last))
        case "working_days":
            # From a weekend one starts counting on Monday, as if from the Friday before.
            friday = day - timedelta(days=max(0, day.weekday() - 4))
            weeks, rest = divmod(int(value), 5)
            over = 2 if friday.weekday() + rest > 4 else 0
            return friday + timedelta(weeks=weeks, days=rest + over)
        case "next":
            return day + timedelta(days=(WEEKDAYS.index(value) - day.weekday() - 1) % 7 + 1)
        case "month_end":
            return day.replace(day=calendar.monthrange(day.year, day.month)[1])
    return day + timedelta(days=int(value))
