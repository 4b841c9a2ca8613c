"""Prompts changed by hand: the embedded teacher answers what they say now, or refuses; it never answers wrongly."""

import pytest

from builder.embedded import Answer, answer

STORY = "A bakery has {} rolls. {} How many {} are there now?"
SOLVE = (
    "Solve the problem below. Each step gets a line of its own, in the form 2 + 3 = 5. "
    'The last line is "Answer:" and the number.\n\n'
)
STEPS = "Take the fruits below and do this:\n{}\nGive me the result separated by commas.\n\nplum, apple, fig"
SQL = (
    "Look at the table below. Count the books whose price is above {}. Answer with one SQL query and nothing else.\n\n"
    "books(title text, price {}, genre text)"
)
ON_ONE_LINE = "Reply with the new values alone, on one line with semicolons between them."
FEET = (
    "Convert the values in the list below from feet to metres (1 foot is {} metres), rounded to 1 decimal place. "
    f"{ON_ONE_LINE} Write no units.\n\nold fence: {{}}\nlong wall: 20"
)
CLOCK = (
    f"Convert the values in the list below to the 24-hour clock, like 04:05. {ON_ONE_LINE}\n\n"
    "chess party: {}\nlate walk: 1:05 am"
)
PLAN = (
    "When is the school fair according to the plan below? Give it as YYYY-MM-DD.\n\n"
    "The chess quiz is on {}. The school fair follows {} after that."
)
TABLE = "Use only the table below. {}? Write just the {}.\n\nsender,weight_kg\nAda Berg,{}\nBen Holm,7\nCelia Roux,4"
PARCEL = "The sender is Ada Berg. The parcel weighs {} kg. {}"
NOTE = PARCEL.format(7, "The destination is Oslo.")
FACTS = f"Give me the sender and weight from the delivery note below. {{}}\n\n{NOTE}"
SUM = f"Summarise the delivery note below in {{}}. Give the sender and weight only.\n\n{NOTE}"
JSON = "Turn the delivery note below into JSON. Use the keys {}; missing values must be null.\n\n"
FIX = "Fix the delivery note below: {}. Change nothing else and return the corrected delivery note.\n\n"
ROUTE = (
    "We have rules for picking one of our trays; the first that fits wins.\n{}\nIf a value is not in the text, no rule "
    f"that compares it fits. Apply the rules to the delivery note below. Give just the name.\n\n{NOTE}"
)
CODE = (
    "In Python, define `{}` for me. Given a list of integers, it does this: Keep only the numbers that are even. "
    "Then {}. Finally, return their sum. Code only, no comments."
)
CONVERT = "Convert the table below into a JSON list of objects. {}\n\n{}"
MASK = (
    'Redact the lost property slip below like this: every full name becomes "X". Leave the rest as it is.\n\n'
    "The finder is {}. The contents are {}. It happened on line 5."
)

CASES = {
    "another number": (SOLVE + STORY.format(24, "Then 4 are sold.", "rolls"), "24 - 4 = 20\nAnswer: 20"),
    "half of an odd number": (SOLVE + STORY.format(25, "Then half of what is there is sold.", "rolls"), None),
    "more taken than there is": (SOLVE + STORY.format(24, "Then 40 are sold.", "rolls"), None),
    "a question about other things": (SOLVE + STORY.format(24, "Then 4 are sold.", "eggs"), None),
    "a sentence that tells no event": (SOLVE + STORY.format(24, "The baker sings. Then 4 are sold.", "rolls"), None),
    "steps in another order": (STEPS.format("1. Reverse the list.\n2. Remove the last 2 items."), "fig"),
    "steps with their numbers mixed up": (STEPS.format("2. Reverse the list.\n1. Remove the last 2 items."), None),
    "the last 0 items": (STEPS.format("1. Remove the last 0 items.\n2. Reverse the list."), None),
    "nothing left": (STEPS.format("1. Remove the last 2 items.\n2. Remove the first 2 items."), None),
    "letters looked for among capitals": (
        STEPS.format("1. Put all items in capital letters.\n2. Remove every item with the letter a."),
        None,
    ),
    "a boundary moved": (SQL.format(7, "integer"), "SELECT COUNT(*) FROM books WHERE price > 7;"),
    "a number compared with a text": (SQL.format(7, "text"), None),
    "another value": (FEET.format("0.3048", 10), "3.0; 6.1"),
    "a rate of nought": (FEET.format("0", 10), None),
    "a unit that is not asked for": (FEET.format("0.3048", "10 yards"), None),
    "another time": (CLOCK.format("12:30 pm"), "12:30; 01:05"),
    "no time of the clock": (CLOCK.format("13:30 pm"), None),
    "no minute of an hour": (CLOCK.format("2:75 pm"), None),
    "a leap day": (PLAN.format("28 February 2024", "1 days"), "2024-02-29"),
    "no day of the calendar": (PLAN.format("30 February 2024", "1 days"), None),
    "months after the 31st": (PLAN.format("31 January 2025", "exactly 1 months"), None),
    "another largest": (TABLE.format("What is the largest weight over all rows", "number", 9), "9"),
    "a tie for the largest": (
        TABLE.format("Which sender entry goes with the largest weight in all rows", "entry", 7),
        None,
    ),
    "a column that is not there": (TABLE.format("What is the largest price over all rows", "number", 9), None),
    "bullets for both facts": (
        FACTS.format("Use 2 bullet points."),
        "- The sender is Ada Berg.\n- The parcel weighs 7 kg.",
    ),
    "more bullets than facts": (FACTS.format("Use 5 bullet points."), None),
    "too few words": (FACTS.format("Use at most 3 words."), None),
    "more points than facts": (SUM.format("4 bullet points"), None),
    "a typing error in a value": (
        JSON.format("sender, weight_kg") + PARCEL.format(70, ""),
        '{"sender": "Ada Berg", "weight_kg": 70}',
    ),
    "a fact told in two ways": (JSON.format("sender, weight_kg") + PARCEL.format(7, "The sender is Ben Holm."), None),
    "a key that no note has": (JSON.format("sender, colour") + PARCEL.format(7, ""), None),
    "another fix": (
        FIX.format("the sender should be Ben Holm") + NOTE,
        "The sender is Ben Holm. The parcel weighs 7 kg. The destination is Oslo.",
    ),
    "a fact fixed twice": (
        FIX.format("the sender should be Ben Holm; the sender must be Zoe Abe")
        + PARCEL.format(7, "The label says Oslo."),
        None,
    ),
    "a value that stands twice": (
        FIX.format("the sender should be Ben Holm") + PARCEL.format(7, "The recipient is Ada Berg."),
        None,
    ),
    "a rule that now fits": (
        ROUTE.format("1. If the weight is above 6: red tray.\n2. Otherwise: blue tray."),
        "red tray",
    ),
    "rules with their numbers mixed up": (
        ROUTE.format("2. If the weight is above 6: red tray.\n1. Otherwise: blue tray."),
        None,
    ),
    "another name": (
        CODE.format("f(ys)", "double each of them"),
        "def f(ys):\n    xs = [x * 2 for x in ys if x % 2 == 0]\n    return sum(xs)",
    ),
    "a name that Python keeps": (CODE.format("class(xs)", "double each of them"), None),
    "division by 0": (CODE.format("f(xs)", "take the remainder of each after division by 0"), None),
    "another row": (
        CONVERT.format("Skip the column a.", "a,b\n1,2\n3,007"),
        '[\n  {"b": 2},\n  {"b": "007"}\n]',
    ),
    "a row that is too short": (CONVERT.format("Skip the column a.", "a,b\n1,2\n3"), None),
    "a new name that is taken": (CONVERT.format("Rename the column a to b.", "a,b\n1,2\n3,4"), None),
    "numbers as text": (CONVERT.format("Skip the column a.", '{"a": 1, "b": "7"}\n{"a": 2, "b": "8"}'), None),
    "columns of different length": (CONVERT.format("Skip the column a.", '{"a": [1, 2], "b": [3]}'), None),
    "another name to mask": (
        MASK.format("Zoe Abe", "three letters and a comb"),
        "The finder is X. The contents are three letters and a comb. It happened on line 5.",
    ),
    "a name in the wrong place": (MASK.format("Ada Berg", "three letters to Ben Holm and a comb"), None),
}


@pytest.mark.parametrize("case", CASES)
def test_a_changed_prompt_is_answered_rightly_or_refused(case):
    prompt, right = CASES[case]
    said = answer([{"role": "user", "content": prompt}])
    assert (said.text if isinstance(said, Answer) else None) == right


def test_a_conversation_whose_answers_were_changed_is_refused():
    asked = "I need the sender and weight (kg) as plain field: value lines; get them from the delivery note below.\n\n"
    turns = [
        {"role": "user", "content": asked + PARCEL.format(7, "The label says Oslo.")},
        {"role": "assistant", "content": "sender: Ada Berg\nweight (kg): 7"},
        {"role": "user", "content": "Could you reverse the order?"},
    ]
    said = answer(turns)
    assert isinstance(said, Answer)
    assert said.text == "weight (kg): 7\nsender: Ada Berg"
    turns[1] = {"role": "assistant", "content": "sender: Ben Holm\nweight (kg): 7"}
    assert not isinstance(answer(turns), Answer)
