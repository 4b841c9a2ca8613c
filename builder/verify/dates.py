"""Checks on dates: the calendar is done here by day numbers and by counting days one by one, without `datetime`.

A plan is a list of events [name, how, value]; every event but those with "on" counts from the event before it:
["the visit", "on", "2025-03-14"], ["the bill", "days", "10"], ["the talk", "working_days", "5"], ["the walk", "weeks",
"-2"], ["the rent", "months", "3"], ["the fair", "next", "Friday"], ["the audit", "month_end", ""].
"""

import re
from collections.abc import Sequence
from typing import Literal

MONTHS = re.findall(r"\w+", "January February March April May June July August September October November December")
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
FORMS = {
    "iso": r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)",
    "long": r"(?P<d>\d{1,2}) (?P<m>[A-Z][a-z]+) (?P<y>\d{4})",
    "weekday_long": r"(?P<w>[A-Z][a-z]+), (?P<d>\d{1,2}) (?P<m>[A-Z][a-z]+) (?P<y>\d{4})",
    "slashes": r"(?P<d>\d\d)/(?P<m>\d\d)/(?P<y>\d{4})",
    "weekday": r"(?P<w>[A-Z][a-z]+)",
}
Form = Literal["iso", "long", "weekday_long", "slashes", "weekday"]
Weekday = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
Unit = Literal["days", "working_days", "weeks", Weekday]
FARTHEST = 10_000  # days, weeks or months that an event may be from the one before


def plan_date(response: str, events: list[list[str]], event: str, form: Form) -> bool:
    """Hold if the response is just the date of the event, in the form asked for.

    Forms: iso (2025-03-05), long (5 March 2025), weekday_long (Wednesday, 5 March 2025), slashes (05/03/2025), weekday.
    """
    day = _days(events)[event]
    found = re.fullmatch(FORMS[form], response.strip().removesuffix("."), re.ASCII)
    if not found:
        return False
    told = found.groupdict()
    year, month, date = _calendar(day)
    months = {str(month), f"{month:02}", MONTHS[month - 1]}
    return (
        told.get("w", WEEKDAYS[day % 7]) == WEEKDAYS[day % 7]
        and int(told.get("y", year)) == year
        and int(told.get("d", date)) == date
        and told.get("m", str(month)) in months
    )


def plan_gap(response: str, events: list[list[str]], first: str, last: str, unit: Unit) -> bool:
    """Hold if the response is just the number of days, working_days, weeks or Mondays (any weekday) between two events.

    The day of the first event does not count, the day of the last one does. Weeks are whole, working days are
    Monday to Friday.
    """
    days = _days(events)
    passed: Sequence[int] = range(days[first] + 1, days[last] + 1)
    if unit == "working_days":
        passed = [day for day in passed if day % 7 < 5]
    elif unit == "weeks":
        passed = passed[6::7]
    elif unit in WEEKDAYS:
        passed = [day for day in passed if WEEKDAYS[day % 7] == unit]
    answer = response.strip().removesuffix(".")
    return re.fullmatch(r"\d{1,6}", answer, re.ASCII) is not None and int(answer) == len(passed)


def _days(events: list[list[str]]) -> dict[str, int]:
    """Return the day number of every event."""
    days: dict[str, int] = {}
    day = 0
    for event, how, value in events:
        day = _moved(day, how, value)
        if not FIRST <= day <= LAST:
            raise ValueError(f"{event!r} is on no day of the years 1 to 9999")
        days[event] = day
    return days


def _moved(day: int, how: str, value: str) -> int:
    if how == "on":
        if not (found := re.fullmatch(FORMS["iso"], value, re.ASCII)):
            raise ValueError(f"{value!r} is no date such as 2025-03-14")
        return _number(int(found["y"]), int(found["m"]), int(found["d"]))
    if how == "next":
        if value not in WEEKDAYS:
            raise ValueError(f"{value!r} is no weekday")
        return next(later for later in range(day + 1, day + 8) if WEEKDAYS[later % 7] == value)
    year, month, date = _calendar(day)
    if how == "month_end":
        while _calendar(day + 1)[1] == month:
            day += 1
        return day
    many = int(value)
    if abs(many) > FARTHEST:
        raise ValueError(f"{value} {how} is farther than {FARTHEST:,}")
    if how == "months":
        years, month = divmod(year * 12 + month - 1 + many, 12)
        return _number(years, month + 1, date)
    if how == "working_days":
        left = abs(many)
        while left:
            day += 1 if many > 0 else -1
            left -= day % 7 < 5
        return day
    return day + many * {"days": 1, "weeks": 7}[how]


def _number(year: int, month: int, date: int) -> int:
    """Return the Julian day number of a date; 0 is a Monday."""
    early = (14 - month) // 12
    years = year + 4800 - early
    return (
        date
        + (153 * (month + 12 * early - 3) + 2) // 5
        + 365 * years
        + years // 4
        - years // 100
        + years // 400
        - 32045
    )


def _calendar(day: int) -> tuple[int, int, int]:
    """Return year, month and date of a Julian day number."""
    rest = day + 32044
    century = (4 * rest + 3) // 146097
    rest -= 146097 * century // 4
    years = (4 * rest + 3) // 1461
    rest -= 1461 * years // 4
    month = (5 * rest + 2) // 153
    return (
        100 * century + years - 4800 + month // 10,
        month + 3 - 12 * (month // 10),
        rest - (153 * month + 2) // 5 + 1,
    )


FIRST, LAST = _number(1, 1, 1), _number(9999, 12, 31)

CHECKS = (plan_date, plan_gap)
