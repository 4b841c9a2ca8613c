"""What judges write, and what is read from it: nothing invented, nothing moved to another text, nothing slow."""

import json
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.verdicts import preference, ratings

ULTRA = """#### Output for Text 1
Type: 1, 3
Rationale: It is clear, but it repeats itself.
Rating: 4
Rationale: Right on the whole; one step is missing.

#### Output for Text 2
Type: None
Rationale: Nothing fits.
Rating: 2
Rationale: It answers another question.
It also ends in the middle."""

# (what the judge wrote, how many texts, the scores; a pair where the reason matters)
SINGLE = [
    ("Rating: 4", 4),
    ("**Score**: 3.5", 3.5),
    ("**Score:** 3.5", 3.5),
    ("4/5", 4),
    ("**4/5**", 4),
    ("**4**/5", 4),
    ("Rating: 4/5", 4),
    ("Rating: 4 / 5", 4),
    ("Rating: 4 out of 5", 4),
    ("Rating: 4 out of 5 stars", 4),
    ("Rating: 4.0", 4),
    ("Rating: 4.0/5.0", 4),
    ("Rating: 4.5/5", 4.5),
    ("Rating (1-5): 4", 4),
    ("Rating (1–5): 4", 4),
    ("Rating (out of 5): 4", 4),
    ("Rating: 4 (1-5)", 4),
    ("Score on a scale of 1 to 5: 3", 3),
    ("On a scale of 1 to 5, with 5 the best, I give 4.", 4),
    ("on a scale of 1 to 5 … I give 4", 4),
    ("I would rate this response a 4 on a scale from 1 to 5.", 4),
    ("I’d give it a **3**.", 3),
    ("The overall rating is 2.", 2),
    ("This deserves a score of 5.", 5),
    ("<score>4</score>", 4),
    ("<rating> 3 </rating>", 3),
    ("[[4]]", 4),
    ("Rating: [[4]]", 4),
    (r"$\boxed{4}$", 4),
    ("Rating：４", 4),
    ("评分：４／５", 4),
    ("评分：4分", 4),
    ("４．５", 4.5),
    ("Rating = 4", 4),
    ("Rating - 4", 4),
    ("Rating 4", 4),
    ("### Rating\n4", 4),
    ("### Rating:\n\n4", 4),
    ("Overall Score: `4`", 4),
    ("> Rating: 4", 4),
    ("- **Rating:** 4", 4),
    ("Rating: Good (4)", 4),
    ("Rating: Very Good (4/5)", 4),
    ("Final rating: 4.", 4),
    ("4", 4),
    (" **4** \n", 4),
    ("4\n\nThe answer is mostly right.", 4),
    ("The answer is mostly right.\n\n4", 4),
    ('{"rating": 4}', 4),
    ('{"rating": "4"}', 4),
    ('{"score": "4/5", "reason": "fine"}', 4),
    ('{"Overall Rating": 4.5}', 4.5),
    ('```json\n{"rating": 4, "rationale": "Fine."}\n```', 4),
    ('Here it is:\n```json\n{"rating": 4,}\n```\nHope this helps!', 4),
    ('Sure! {"rating": 4, "reason": "two\nlines",} Done.', 4),
    ('[{"rating": 4}]', 4),
    ('{"ratings": [4], "rationales": ["Fine."]}', 4),
    ('{"evaluation": {"rating": 4}}', 4),
    ('{"rating": 4, "reason": "It says "no" twice"}', 4),
    ('{"rating": 4, "reason": "cut off he', 4),
    ("{'rating': 4, 'reason': 'fine'}", 4),
    ('{"rating": 4, "confidence_score": 0.9}', 4),
    ('Rating: 4\n{"rating": 4}', 4),
    ("<think>Rating: 2? No.</think>Rating: 4", 4),
    ("Rating: 2? Hmm.</think>\nRating: 4", 4),
    ("Rating: 4\n<think>or rather Rating: 2", 4),
    ("Rating: 4\nConfidence: 5", 4),
    ("Rating: 4\nConfidence score: 2", 4),
    ("Rating: 4\nRationale: A perfect score of 5 would need an example.", 4),
    ("Type: 2\nRationale: Useful.\nRating: 4\nRationale: Right.", 4),
    ("#### Output for Text 1\nRating: 4\nRationale: ok", 4),
    ("Text 1: 4/5", 4),
    ("Rating: [4]", 4),
    ("Rating: “4”", 4),
    ("Rating 1: 4", 4),
    ("Rating out of 5: 4", 4),
    ("Rating (scale 1 to 5): 4", 4),
    ("On a scale from 1 to 5, I'd say 4.", 4),
    ("My rating for this text is 4.", 4),
    ("Overall, 4 out of 5.", 4),
    ("Maximum score: 5\nScore: 4", 4),
    ("```\ndp = [[0]*(n+1) for i in range(m+1)]\n```\n\nRating: [[4]]", 4),
    ("Type: [1]\nRationale: a\nRating: [4]", 4),
    # no rating, or none that is sure
    ("", None),
    ("Rating: high", None),
    ("Rating: N/A", None),
    ("Rating: None", None),
    ("Rating: ", None),
    ("N/A", None),
    ("Rating: [Rating for text 1]", None),
    ("Rating: 10", None),
    ("Rating: 0", None),
    ("Rating: 6", None),
    ("Rating: -4", None),
    ("Rating: 5.5", None),
    ("Rating: 45", None),
    ("Rating: 1000000000000000000000000000000", None),
    ("Rating: 8/10", None),
    ("Rating: 4/10", None),
    ("Rating: 4 on a scale of 1 to 10", None),
    ("Rating: 80%", None),
    ("Rating: 4%", None),
    ("Rating: 3-4", None),
    ("Rating: 3 to 4", None),
    ("Rating: 3 or 4", None),
    ("Rating: 1-5", None),
    ("Rating: 4+", None),
    ("Rating: 4½", None),
    ("Rating: ★★★★☆", None),
    ("Rating: 4\nRating: 3", None),
    ("Rating: 4. All in all: Final score: 3", None),
    ('{"rating": 4, "rating": 2}', None),
    ('{"rating": 4}\n{"rating": 2}', None),
    ('{"rating": true}', None),
    ('{"rating": null}', None),
    ('{"rating": 10}', None),
    ('{"rating": NaN}', None),
    ('{"rating": 4e0}', None),
    ('{"rating": {}}', None),
    ('Rating: 4\n{"rating": 2}', None),
    ('Rating: N/A\nRationale: it answers {"score": 2}', None),
    ("<think>Rating: 4", None),
    ("<think>Rating: 4</think>", None),
    ("Type: 2\nRationale: Useful.", None),
    ("Rating:\n1. **Accuracy**: fine\n2. **Style**: fine", None),
    ("4/5 of the facts are right.", None),
    ("I cannot give 5 here.", None),
    ("It names 3 rivers and 4 towns.", None),
    ("The text gives 4 as the result.", None),
    ("The text gives 3 and is wrong.", None),
    ("It names 3 out of 5.", None),
    ("3 out of 5 facts are right.", None),
    ("I rate the 3 examples as good.", None),
    ("The score of the match was 3.", None),
    ("The rating of the film is 4.", None),
    ("Maximum score: 5", None),
    ("Rating out of 10: 4", None),
    ('{"rating": "3 errors"}', None),
    ('#### Output for Text 2\n{"rating": 4}', None),
    ("Operating: 4", None),
]


@pytest.mark.parametrize(("text", "score"), SINGLE)
def test_one_text(text, score):
    assert [rating and rating.score for rating in ratings(text, 1)] == [score]


SEVERAL = [
    (ULTRA, 2, [4, 2]),
    (ULTRA, 3, [4, 2, None]),
    (ULTRA, 1, [4]),
    (ULTRA.replace("#### Output for ", ""), 2, [4, 2]),
    (ULTRA.replace("Text 2", "Text 3"), 3, [4, None, 2]),
    (ULTRA.replace("Rating: 4", "Rating: N/A"), 2, [None, 2]),
    (ULTRA.replace("Rating: 4\n", ""), 2, [None, 2]),
    (ULTRA.replace("Nothing fits.", "\nText 1: this one is not. Rating: 3\n"), 2, [4, None]),
    ("#### Output for Text 2\nRating: 2\n\n#### Output for Text 1\nRating: 4", 2, [4, 2]),
    ("**Text 2**\nRating: 2\n\n**Text 1**\nRating: 4", 2, [4, 2]),
    ("Text 2:\nRating: 2\nText 1:\nRating: 4", 2, [4, 2]),
    ("Output 2\nRating: 2\nOutput 1\nRating: 4", 2, [4, 2]),
    ("### Text 1 (short)\nRating: 4\n### Text 2 (long)\nRating: 2", 2, [4, 2]),
    ("<text 1>\nRating: 4\n<text 2>\nRating: 2", 2, [4, 2]),
    ("Text 1: 4\nText 2: 2", 2, [4, 2]),
    ("Text 1: 4/5\nText 2: 2/5", 2, [4, 2]),
    ("Text 1 - Rating: 4\nText 2 - Rating: 2", 2, [4, 2]),
    ("1. **Text 1**: 4 - clear\n2. **Text 2**: 2 - vague", 2, [4, 2]),
    ("Rating for Text 2: 2\nRating for Text 1: 4", 2, [4, 2]),
    ("Text 1 rating: 4\nText 2 rating: 2", 2, [4, 2]),
    ("| Text 1 | 4 | clear |\n| Text 2 | 2 | vague |", 2, [4, 2]),
    ("Text １：４\nText ２：２", 2, [4, 2]),
    ("Text 1: 3 errors\nText 2: 4", 2, [None, 4]),
    ("Text 1: 1. Clarity\nText 2: 4", 2, [None, 4]),
    ("Text 1\nRating: 4\nText 1\nRating: 2\nText 2\nRating: 3", 2, [None, 3]),
    ("Text 1 is better than Text 2.\nRating: 4\nRating: 2", 2, [4, 2]),
    ("Rating: 4\n\nRating: 2", 2, [4, 2]),
    ("Rating: 4\n\nRating: N/A\n\nRating: 2", 3, [4, None, 2]),
    ("Rating: 4\n\nRating: 2", 3, [None, None, None]),
    ("Rating: 4\n\nRating: 2\n\nRating: 3", 2, [None, None]),
    ("Rating: 4", 2, [None, None]),
    ("Type: 1\nRationale: a\nRating: 4\nRationale: b\n\nType: 2\nRationale: c\nRating: 2\nRationale: d", 2, [4, 2]),
    ("4/5\n2/5", 2, [4, 2]),
    ("Response 1 deserves 4 out of 5. Response 2 deserves 2 out of 5.", 2, [4, 2]),
    ("Response 2 deserves 2 out of 5. Response 1 deserves 4 out of 5.", 2, [None, None]),
    ("For text 2, rating: 2. For text 1, rating: 4.", 2, [None, None]),
    ("- text: 2\n  rating: 2\n- text: 1\n  rating: 4", 2, [None, None]),
    ("- text: 1\n  rating: 4\n- text: 2\n  rating: 2", 2, [4, 2]),
    ("Rating 2: 2\nRating 1: 4", 2, [4, 2]),
    ("Rating #1: 4\nRating #2: 2", 2, [4, 2]),
    ("Rating 1\n4\n\nRating 2\n2", 2, [4, 2]),
    ("#### Text 1\nRating: [4]\nRationale: a\n#### Text 2\nRating: [2]\nRationale: b", 2, [4, 2]),
    ("#### Text 1\n3 (three) facts are wrong.\n#### Text 2\nRating: 2", 2, [None, 2]),
    ("#### Text 1\nThe text gives 4.\n#### Text 2\nRating: 2", 2, [None, 2]),
    ('{"ratings": [4, 2], "rationales": ["a", "b"]}', 2, [4, 2]),
    ('{"ratings": [4, null], "rationales": ["a", "b"]}', 2, [4, None]),
    ('{"ratings": [4, 7], "rationales": ["a", "b"]}', 2, [4, None]),
    ('{"ratings": [4], "rationales": ["a"]}', 2, [None, None]),
    ('{"ratings": [4, 2, 3]}', 2, [None, None]),
    (
        '{"types": [1, null], "rationales": ["a", "b"], "ratings": [4, 2], "rationales_for_rating": ["c", "d"]}',
        2,
        [4, 2],
    ),
    ('{"types": [1, 2], "ratings": [4', 2, [None, None]),
    ('{"ratings": [4, 2], "rationales": ["a", "cut o', 2, [4, 2]),
    ('[{"rating": 4}, {"rating": 2}]', 2, [4, 2]),
    ('[{"rating": 4,}, {"rating": 2,},]', 2, [4, 2]),
    ('[{"id": 2, "rating": 2}, {"id": 1, "rating": 4}]', 2, [4, 2]),
    ('[{"id": 0, "rating": 4}, {"id": 1, "rating": 2}]', 2, [4, 2]),
    ('[{"id": 0, "rating": 4}, {"id": 1, "rating": 2}]', 3, [None, None, None]),
    ('[{"text": "Text 2", "rating": 2}, {"text": "Text 1", "rating": 4}]', 2, [4, 2]),
    ('{"Text 2": {"rating": 2}, "Text 1": {"rating": 4}}', 2, [4, 2]),
    ('{"text_1": 4, "text_2": "N/A"}', 2, [4, None]),
    ('{"results": [{"rating": 4}, {"rating": 2}]}', 2, [4, 2]),
    ('{"ratings": [{"rating": 4, "rationale": "a"}, {"rating": 2, "rationale": "b"}]}', 2, [4, 2]),
    ('{"rating": 4}\n{"rating": 2}', 2, [4, 2]),
    ("[4, 2]", 2, [4, 2]),
    ("Ratings: [4, 2]", 2, [4, 2]),
    ("```json\n[4, 2]\n```", 2, [4, 2]),
    ("#### Output for Text 1\nType: [1, 2]\nRating: 4\n#### Output for Text 2\nType: [1, 3]\nRating: 2", 2, [4, 2]),
    ('#### Text 1\n```json\n{"rating": 4}\n```\n#### Text 2\n```json\n{"rating": 2}\n```', 2, [4, 2]),
    ('#### Text 2\n```json\n{"rating": 2}\n```\n#### Text 1\n```json\n{"rating": 4}\n```', 2, [4, 2]),
    ('Text 2: {"rating": 2}\nText 1: {"rating": 4}', 2, [4, 2]),
    ('#### Text 1\n{"rating": 4}\n#### Text 3\n{"rating": 2}', 3, [4, None, 2]),
    ('#### Text 1\n{"rating": 4}\n#### Text 3\n{"rating": 2}', 2, [4, None]),
    ("anything", 0, []),
]


@pytest.mark.parametrize(("text", "count", "scores"), SEVERAL)
def test_several_texts(text, count, scores):
    assert [rating and rating.score for rating in ratings(text, count)] == scores


REASONS = [
    (
        ULTRA,
        2,
        ["Right on the whole; one step is missing.", "It answers another question.\nIt also ends in the middle."],
    ),
    ("Rating: 4", 1, [""]),
    ("Rating: 4 out of 5 stars", 1, [""]),
    ("**Rating**: 4\n**Rationale**: Clear.", 1, ["Clear."]),
    ("**Rating:** 4\n**Reason:** Clear.", 1, ["Clear."]),
    ("Rating: 4\nClear and right.", 1, ["Clear and right."]),
    ("Rating: 4 - Clear.", 1, ["Clear."]),
    ("Clear, but long.\n\nRating: 4", 1, ["Clear, but long."]),
    ("Rationale: Clear.\nRating: 4", 1, ["Clear."]),
    ("It is clear, and right. Rating: [[4]]", 1, ["It is clear, and right."]),
    ("It is clear.\n\nRating: [[4]]", 1, ["It is clear."]),
    ("Overall Rating: 4", 1, [""]),
    ("Type: 1\nRationale: Of the type.\nRating: 4", 1, [""]),
    ("Reasoning: one\nRating: 4\n\nReasoning: two\nRating: 2", 2, ["one", "two"]),
    ("Rating: 4\nRationale: one\nRating: 2\nRationale: two", 2, ["one", "two"]),
    ("Text 1: Rating: 4, Rationale: one\nText 2: Rating: 2, Rationale: two", 2, ["one", "two"]),
    ("评分：４\n理由：清楚，正确。", 1, ["清楚，正确。"]),
    ("Rating: 4\nRationale: It keeps the scale of 1 to 5.", 1, ["It keeps the scale of 1 to 5."]),
    ('{"ratings": [4, 2], "rationales": ["a", "b"]}', 2, ["a", "b"]),
    ('{"rationales": ["a"], "ratings": [4], "rationales_for_rating": ["c"]}', 1, ["c"]),
    ('{"ratings": [4, 2], "rationales": ["a"]}', 2, ["", ""]),
    ('[{"rating": 4, "rationale": "a"}, {"rating": 2}]', 2, ["a", ""]),
    ('{"rating": 4, "explanation": "a, ]"}', 1, ["a, ]"]),
]


@pytest.mark.parametrize(("text", "count", "reasons"), REASONS)
def test_reasons(text, count, reasons):
    assert [rating.reason for rating in ratings(text, count)] == reasons


@pytest.mark.parametrize(
    ("text", "low", "high", "score"),
    [
        ("Rating: 10", 1, 10, 10),
        ("Rating: 1", 1, 10, 1),
        ("Rating: 8/10", 1, 10, 8),
        ("Rating: 4/5", 1, 10, None),
        ("Rating (1-10): 7", 1, 10, 7),
        ("Rating (1-5): 4", 1, 10, None),
        ("Score: 0", 0, 1, 0),
        ("Score: 0.75", 0, 1, 0.75),
        ("Score: .5", 0, 1, None),
        ("Score: 85", 0, 100, 85),
        ("Score: -2", -5, 5, -2),
    ],
)
def test_other_scales(text, low, high, score):
    assert [rating and rating.score for rating in ratings(text, 1, low, high)] == [score]


PREFERENCES = [
    ("[[A]]", "A"),
    ("[[B]]", "B"),
    ("[[C]]", "tie"),
    ("[[tie]]", "tie"),
    ("[[a]]", "A"),
    ("My verdict: [[B]] Response B keeps the format.", "B"),
    ("[[A>B]]", "A"),
    ("[[B>>A]]", "B"),
    ("[[A=B]]", "tie"),
    ("Verdict: B", "B"),
    ("**Verdict:** B", "B"),
    ("**Answer**: B", "B"),
    ("Final verdict: Response A", "A"),
    ("Final Answer: B.", "B"),
    ("Winner: Assistant A", "A"),
    ("Winner: **B**", "B"),
    ("Better response: A", "A"),
    ("Verdict：Ｂ", "B"),
    ("Verdict: tie", "tie"),
    ("Verdict: A tie", "tie"),
    ("Verdict: A tie between both", "tie"),
    ("Winner: Neither", "tie"),
    ("Verdict: Response A is better", "A"),
    ("Verdict: A, because it is shorter", "A"),
    ("<answer>B</answer>", "B"),
    ("<winner>A</winner>", "A"),
    (r"\boxed{B}", "B"),
    ('{"winner": "A"}', "A"),
    ('{"winner": "b"}', "B"),
    ('{"preference": "a", "reason": "a good answer"}', "A"),
    ('{"verdict": "Response B"}', "B"),
    ('{"reason": "a", "choice": "B"}', "B"),
    ('{"reason": "a", "answer": "B"}', "B"),
    ('```json\n{"winner": "tie"}\n```', "tie"),
    ('{"winner": "model_a"}', "A"),
    ("Response A is better", "A"),
    ("Response B is clearly the better response.", "B"),
    ("A is better than B.", "A"),
    ("Answer B is better than Answer A, because it is right.", "B"),
    ("B wins.", "B"),
    ("I prefer Response B.", "B"),
    ("I’d go with A.", "A"),
    ("The winner is B.", "B"),
    ("The better answer is response a.", "A"),
    ("B is worse than A.", "A"),
    ("Both are equally good", "tie"),
    ("Both responses are equally good.", "tie"),
    ("It's a tie.", "tie"),
    ("Neither response is better.", "tie"),
    ("There is no clear winner.", "tie"),
    ("tie", "tie"),
    ("Tie.", "tie"),
    ("A", "A"),
    ("**B**", "B"),
    ("(A)", "A"),
    ("Response A", "A"),
    ("Both are fine, but one has an example.\n\nB", "B"),
    ("Response A is better formatted, but Response B is better.", "B"),
    ("At first Response A is better. But its sum is wrong.\n\n[[B]]", "B"),
    ("A is better.\nFinal verdict: B", "B"),
    ("A is better than B, but my final verdict is [[B]]", "B"),
    ("A is better than B, but my final verdict is B.", "B"),
    ("Overall, Assistant A's response is better.", "A"),
    ("Verdict: Answer A is worse", "B"),
    ("The right option is\nAnswer: B\n\nWhich A says.\n\n[[A]]", "A"),
    (r"By my own sum it is \boxed{B}. [[A]]", "A"),
    ("Final Answer: A\nFinal Answer: B", None),
    ("### Response A\nGood.\n\n### Response B\nBad.\n\nVerdict: A", "A"),
    ("<think>[[A]]</think>[[B]]", "B"),
    ("[[A]]? Hmm.</think>[[B]]", "B"),
    # not said, or said twice
    ("", None),
    ("a", None),
    ("a better response would say why", None),
    ("A better response would say why.", None),
    ("A good answer.", None),
    ("Verdict: a better answer is needed", None),
    ("Verdict: unclear", None),
    ("Verdict: A or B", None),
    ("Verdict: A/B", None),
    ("Winner: A, B", None),
    ('{"winner": null}', None),
    ("[[A]] [[B]]", None),
    ("Verdict: A\nFinal verdict: B", None),
    ("[[A]]\nVerdict: B", None),
    ("Response A is better. Response B is better.", None),
    ("Both are equally good, but A is better.", None),
    ("Response A is not better.", None),
    ("Verdict: B is not better", None),
    ("My verdict is not [[A]].", None),
    ("Winner: Response C", None),
    ("I do not think A is better.", None),
    ("If it were shorter, A is better.", None),
    ("Response A is better formatted.", None),
    ("They are not equally good.", None),
    ("<think>[[A]]", None),
    ("[[D]]", None),
]


@pytest.mark.parametrize(("text", "wanted"), PREFERENCES)
def test_preferences(text, wanted):
    assert preference(text) == wanted


PIECES = [
    *("Rating: ", "Score", "**", "4", "10", "3.5", "/5", " out of 5", "Type: 2", "\nRationale: ", "\n", "\n\n", " "),
    *(
        "#### Output for Text 1\n",
        "Text 2:",
        "Output 3",
        "- ",
        "{",
        "}",
        "[",
        "]",
        '"',
        ":",
        ",",
        '"rating": 4',
        "４",
        "：",
    ),
    *(
        '{"ratings": [',
        "```json\n",
        "```",
        "<think>",
        "</think>",
        "[[",
        "]]",
        "A",
        "B",
        "tie",
        "a ",
        "is better",
        "½",
        "²",
    ),
    *(
        "Verdict: ",
        "scale of 1 to 5",
        "I give ",
        "\\u0034",
        "\\",
        "\x00",
        "ﬁ",
        "٤",
        "④",
        "N/A",
        "-",
        "|",
        "1",
        "2",
        "0",
    ),
]
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
SCALES = st.tuples(st.integers(-10, 10), st.integers(1, 20)).map(lambda it: (it[0], it[0] + it[1]))


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(0, 5), st.one_of(st.just((1, 5)), SCALES))
def test_whatever_is_written_no_rating_is_invented(text, count, scale):
    found = ratings(text, count, *scale)
    written = {float(n) for n in re.findall(r"-?[0-9]+(?:\.[0-9]+)?", unicodedata.normalize("NFKC", text))}
    assert len(found) == count
    for rating in found:
        if rating is not None:
            assert scale[0] <= rating.score <= scale[1]
            assert {rating.score, -rating.score} & written, "a whole number of the text, no part of one"
            assert rating.reason == rating.reason.strip()


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_whatever_is_written_a_preference_is_one_of_four(text):
    assert preference(text) in ("A", "B", "tie", None)


SHAPES = {
    "sections": lambda n, said: f"#### Output for Text {n}\nRating: {said}\nRationale: why {n}",
    "types": lambda n, said: f"#### Output for Text {n}\nType: 3\nRationale: x\nRating: {said}\nRationale: why {n}",
    "brackets": lambda n, said: f"**Text {n}**\nRating: [{said}]\nRationale: why {n}",
    "lines": lambda n, said: f"Text {n}: {said}/5 - why {n}",
    "fences": lambda n, said: f'## Text {n}\n```json\n{{"rating": "{said}", "reason": "why {n}"}}\n```',
    "objects": lambda n, said: json.dumps({"id": n, "rating": said, "rationale": f"why {n}"}),
}


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(sorted(SHAPES)),
    st.permutations(range(1, 5)),
    st.lists(st.sampled_from(["1", "2.5", "4", "5", "N/A", "10"]) | st.none(), min_size=4, max_size=4),
)
def test_sections_in_any_order_with_gaps_give_every_text_its_own_rating(shape, order, said):
    text = "\n\n".join(SHAPES[shape](n, said[n - 1]) for n in order if said[n - 1])
    wanted = [None if given in ("N/A", "10", None) else (float(given), f"why {n}") for n, given in enumerate(said, 1)]
    assert ratings(text, 4) == wanted


HEAVY = [
    *(
        " ",
        "\n",
        "\t\n",
        "*",
        "#",
        "_",
        "|",
        "[",
        "{",
        "[[",
        "(",
        "<",
        "1",
        "1 ",
        "4/5 ",
        "4/",
        "-",
        ",",
        ", ",
        ".",
        "\\",
    ),
    *(
        '"',
        '\\"',
        '["',
        '{"',
        '{"a":',
        '{"a":[',
        "[1,",
        "[1] ",
        '{"rating": 4} ',
        '{"rating": 4',
        "[4, ",
        '["\\"',
        '"a" ',
    ),
    *(
        "<think>",
        "</think>",
        "<think></think>",
        "Rating: ",
        "Rating",
        "Rating: 4\n",
        "rating of ",
        "Text 1\n",
        "Text 1: ",
    ),
    *(
        "I give ",
        "I give 4 ",
        "Type: ",
        "Rationale: ",
        "\nRationale:",
        "verdict: ",
        "verdict",
        "A is ",
        "A is better. ",
    ),
    *(
        "A is very ",
        "prefer ",
        "neither ",
        "a",
        "Rating (",
        "scale of ",
        "1 to 5",
        "１",
        "ﷺ",
        "[[A]]",
        "\nA",
        "answer a",
    ),
    *("Rating: 4 (", "Rating: good ", "Text 1 rating", "1. ", "Text ", "Score\n", "Rating:\n", "4, ", "4 4 "),
]


@pytest.mark.parametrize("piece", HEAVY)
def test_a_long_text_of_one_thing_is_read_to_its_end(piece):
    """Patterns that went back and forth over it would take minutes, and be noticed."""
    text = piece * (30_000 // len(piece))
    for shape in (text + "x", '{"' + text):
        assert len(ratings(shape, 4)) == 4
        assert preference(shape) in ("A", "B", "tie", None)
