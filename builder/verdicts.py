r"""What judges say: ratings and preferences, read from what models really write. Never invented, never clamped.

    "#### Output for Text 2\n**Rating**: 4/5\nRationale: Clear."    the second text: 4, "Clear."
    '{"ratings": [4, null], "rationales": ["Clear.", ""]}'          the first text: 4, "Clear."
    "On a scale of 1 to 5 I would give this a 4"                    4, where only one text was rated

Every reading becomes claims; a text has a rating where all its claims agree. What cannot be read is a claim too
(`Rating: high`), one that agrees with none. Runs are matched possessively or bounded: no text takes long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple


class Rating(NamedTuple):
    """What a judge gave one text, and why; the reason is "" where none was given."""

    score: float
    reason: str


class _Claim(NamedTuple):
    score: float | None
    """null: something is said, but no number on the scale."""
    reason: str = ""
    number: int | None = None
    """Of the text, counted from 1, where the judge says which it is."""


# Letters, digits and the signs that matter; the commas and stops of Chinese reasons stay as they are.
_WIDE = {code: code - 0xFEE0 for code in (0xFF08, 0xFF09, *range(0xFF0D, 0xFF5B)) if chr(code) not in "；？"}
_THOUGHT = re.compile(r"(?is)<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)")
_THOUGHT_END = re.compile(r"(?i)</think(?:ing)?>")

_NOUN = r"(?:text|output|response|answer|generation|completion|candidate|assistant|model|option)"
_WHOSE = r"(?<![a-z])(?<!confidence[ _])(?<!(?:max|min)imum[ _])(?<!highest[ _])"
_LABEL = rf"(?:{_WHOSE}(?:rating|score|grade)s?|评分|評分|得分|スコア|評価)"
_EDGE = r"[ \t*_`\"'“(\[|]{0,20}+"
_VALUE = re.compile(rf"""(?ix){_EDGE}(?P<line>\n\s{{0,20}}+{_EDGE})?(?P<word>[a-z][a-z ]{{0,30}}\()?  # Good (4)
    (?P<n>-?[0-9]{{1,6}}(?:\.[0-9]{{1,6}})?)(?![0-9a-z_%+²³½¼¾⅓⅔]|\.[0-9])
    (?:[ \t*_\])]*+(?:/|(?:out[ ])?of\b)[ \t*_(\[]*+(?P<of>[0-9]{{1,6}}(?:\.[0-9]{{1,6}})?)(?![0-9a-z_%]|\.[0-9]))?
    (?![ \t*_)\]]*+(?:[-–—−~/⁄→,&]|->|to\b|or\b|and\b|(?:out[ ])?of\b)[ \t*_]*+[0-9])    # 3-4: which of them?
    (?![ \t,(]*+on[ ]a[ ]scale[ ](?:of|from)[ ][0-9])  # the right scale is blanked, so this is another
    (?(line)(?![.)][ \t]))(?(word)\))                  # a numbered list under `Rating:` is no rating""")
_COUNTS = r"[0-9]{1,3}[*_]*+(?:[ ]?:[ \t*_]*+[0-9]|[ \t]*+\n[ \t*_]*+[0-9][0-9./]{0,9}+[ \t*_]*+$)"  # Rating 2: 4
_NAMED = re.compile(rf"""(?imx)(?P<sure>{_LABEL}[\s*_`"'()\[\]|]*+[:=]|<(?:score|rating)>)
    |^[ \t\#>*_]*+{_LABEL}(?:[ \t*_]*+(?!{_COUNTS})(?:\n[\s*_]*+)?(?=[0-9])
    |[ \t*_]*+[-–—][ \t*_]++(?=[0-9]))|\[\[(?=[ ]?-?[0-9.]{{1,13}}[ ]?\]\])|\\boxed\{{""")
_PROSE = re.compile(rf"""(?imx)(?<!to[ ])(?<!not[ ])(?<!n't[ ])(?<!never[ ])\b
    (?:(?:I|['’]d|['’]ll|would|will|me|we)[ ](?:(?:therefore|thus|still)[ ])?(?:give|say|rate|assign|award|score|grade)
    |gets|deserves?|merits?|earns?)\b[^.\n0-9]{{0,60}}(?=[ (*\[][0-9])
    |{_LABEL}(?:[ ](?:for|of)[ ](?:th(?:is|e)[ ])?(?:{_NOUN}|[a-z]{{1,14}}ness|honesty)(?:[ ][0-9]{{1,2}})?)?[ ]
    (?:is|of|(?:would|should|will)[ ]be)[ ](?:an?[ ])?(?=[*_(\[]{{0,3}}[0-9])
    |(?<![\w./,-])(?=[0-9.]{{1,13}}[*_]{{0,2}}[ ]?/)
    |(?:^|(?<=[:;.,!–—-][ ]))(?=[0-9.]{{1,13}}[*_]{{0,2}}[ ]out[ ]of)""")
_HEADING = re.compile(rf"""(?imx)^[ \t>*_<|\[-]*+(?P<hash>\#++[ \t*_<]*+)?(?:[0-9]{{1,3}}[.)][ ][*_]*+)?
    (?:(?:{_LABEL}|output)[ ](?:for|of)[ ])?(?:{_NOUN}|{_LABEL}(?=[ ]\#?{_COUNTS}))[ \t_\#]*+
    (?P<n>[0-9]{{1,3}})(?![0-9.%])[ \t]*+
    (?(hash)[*_>\]:|)]*+|(?:[*_>\]:|)]++[ \t*_:|–—-]*+|[–—-]+[ \t*_]++|$|(?={_LABEL})))""")
_MENTIONED = re.compile(rf"(?i)\b{_NOUN}[ _#:]{{1,3}}([0-9]{{1,3}})\b")
_ALONE = re.compile(r"(?m)[ \t.*_\])]*+$")
_ALONE_OR_FIRST = re.compile(r"(?m)[ \t*_\])]*+(?:\.?$|[|;(–—]|-(?![a-z])|,[ ])")
_ENDS = re.compile(r"""(?imx)[ \t*_)\]"'”]*+(?:$|[.,;:!?(|分–—-]
    |(?:stars?|points?|rating|score|for|on|to|because|since|as|due|overall|here|and|but|with)\b)""")
_WHY = r"(?:rationale|reason(?:ing)?|explanation|justification|feedback|critique|comment)s?"
_MARK = re.compile(rf"""(?imx)(?:^|(?<=[,;.|)，；。]))[ \t\#>*_"'(-]*+(?:(?P<why>{_WHY}|理由|原因)|types?)
    (?:[ ]for[ ][a-z ]{{1,30}})?[ \t*_"')]*+[:=][ \t*_"']*+""")
_REST = re.compile(r"[^\n.,;:–—-]*+[\n.,;:–—-]")
_FRAME = " \t\r\n*_#|-`"

_OPEN = re.compile(r'\{(?=\s*+["}])|(?<!\[)\[(?=\s*+["{0-9n-])')
_TRAILING = re.compile(r",\s*+(?=[}\]])")
_RATINGS_BEFORE = re.compile(r"(?i)(?:\A|(rating|score)|json|```)s?\W*\Z")
_JSON = json.JSONDecoder(  # numbers as they are written, objects as pairs: a key said twice is two claims
    parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=tuple, strict=False
)
_TRIES = 20
"""So often may what looks like JSON turn out to be none; every try can cost a walk to the end."""
_QUALITY = r"(?:overall|final|total|quality|helpfulness|honesty|truthfulness|instruction following)"
_RATING_KEY = re.compile(rf"(?:{_QUALITY} )*(?:rating|score|grade)s?")
_WHY_KEY = re.compile(rf"{_WHY}(?: for (?:the )?ratings?)?")
_ID_KEY = re.compile(rf"{_NOUN}?(?: ?(?:id|index|number|no))?")
_NUMBERED = re.compile(rf"(?i)(?:output for )?{_NOUN}?[ _]?#?([0-9]{{1,3}})")

_SIDE = rf"(?:(?i:{_NOUN}[ _])(?=[ABab]\b)|(?=[AB]\b))(?P<side>[ABab])\b"
_CLOSE = rf"""(?=[*_"'`]*(?:[,)]|$)|[*_]*[ ](?:than|overall|because|since|as|due|here|one|choice|{_NOUN})\b)"""
_VERDICT = re.compile(r"""(?imx)(?:(?<![a-z])(?:verdict|winner|preference|preferred(?:[ _][a-z]{1,12})?|choice|decision
    |judge?ment|(?:better|best)[ _](?:answer|response|output|text|one|option))
    |(?P<answer>^[ \t\#>*_"{]*+(?:final[ ])?answer|(?<=")answer(?=")))[\s*_"'`)]*+[:=]|(?P<boxed>\\boxed(?=\{))
    |<(?:verdict|winner|answer|choice|preference)>|(?<!\[)(?<!not[ ])\[(?=\[)
    |final[ ](?:verdict|choice|decision|preference)[ ]is(?=[ ])""")
_CHOICE = re.compile(rf"""(?ix)[\s*_"'`(\[{{]{{0,20}}+
    (?:(?:an?[ ])?(?P<tie>tie|tied|draw|equal|same|both|neither|A[ ]?=[ ]?B|B[ ]?=[ ]?A)
    |(?:the[ ])?(?:{_NOUN}[ _]?(?=[AB]))?(?P<side>[A-C])(?:[ ]?>{{1,2}}[ ]?[AB])?)[*_`"')\]}}]*+
    (?:(?<=[*_`"')\]}}])|(?=[ ]*(?:[.;:!<|\n—–(]|,(?![ ]*[AB]\b)|\Z)|[ ](?:wins|because|since|as|between)\b))""")
_LONE = re.compile(rf"[\W_]*+(?:(?i:{_NOUN})[ _]?)?(?:(?P<side>[A-C])|(?i:tie|draw))[\W_]*+")
_HEDGED = re.compile(r"(?i)\b(?:not|never|if|whether|unless|neither|nor|cannot)\b|n't\b")
_EVEN = re.compile(r"""(?ix)(?<!not[ ])\bequally[ ](?:good|bad|well|strong|weak|valid|helpful|matched)\b
    |(?:\bis|'s|\bit|\bas)[ ]a[ ](?:tie|draw)\b|no[ ]clear[ ]winner|\bneither\b.{0,30}[ ]is[ ]better
    |\bare[ ](?:about[ ]|roughly[ ])?(?:tied|equal|the[ ]same|on[ ]par)\b""")
_BETTER = re.compile(rf"""(?x)(?<![\w'-]){_SIDE}(?:'s[ ]{_NOUN}\b)?[*_]*(?:
    [ ](?:clearly[ ])?(?:wins|outperforms|beats)\b
    |[ ](?:is|was)[ ](?:[a-z]{{1,14}}[ ]){{0,3}}?(?:better|superior|preferable|stronger|best|winner|preferred)
    {_CLOSE})""")
_WORSE = re.compile(rf"""(?x)(?<![\w'-]){_SIDE}(?:'s[ ]{_NOUN}\b)?[*_]*[ ](?:is|was)[ ]
    (?:[a-z]{{1,14}}[ ]){{0,2}}?(?:worse|inferior|weaker){_CLOSE}""")
_CHOSEN = re.compile(rf"""(?x)\b(?i:prefer|choose|pick|select|favou?r|go[ ]with|vote[ ]for
    |(?:winner|verdict|preference|choice|(?:better|best)[ ][a-z]{{1,12}})[ ](?:is|goes[ ]to))
    [ ][*_"'(\[]*(?:the[ ])?{_SIDE}(?![ ](?:and|or)[ ])""")


def ratings(text: str, count: int, low: int = 1, high: int = 5) -> list[Rating | None]:
    """Read the rating of every text.

    Args:
        text: what the judge wrote.
        count: how many texts it rated.
        low: the lowest rating there is.
        high: the highest.

    Returns:
        One for each text, in order; null where there is none, none on the scale, or several that contradict each other.
    """
    said, scale = _visible(text), (low, high)
    groups, rest = _objects(said, scale)
    if not groups and _TRAILING.search(said):
        groups, rest = _objects(_TRAILING.sub("", said), scale)
    if not all(len(group) == count for group in groups):  # else each is a whole answer: a draft, its final form
        groups = [[claim for group in groups for claim in group]]
    written = _written(rest if any(groups) else said, scale, labelled_only=any(groups))
    places = [_placed(claims, count) for claims in (*groups, written)]
    return [_settled([claim for place in places for claim in place[index]]) for index in range(count)]


def preference(text: str) -> Literal["A", "B", "tie"] | None:
    """Read which of two texts a judge prefers: its explicit verdict, else a bare last line, else its prose.

    `Answer: B` and a boxed B count where there is no plainer verdict: the judge may have solved the task itself.

    Args:
        text: what the judge wrote.

    Returns:
        null where it does not say, or says different things.
    """
    said = _visible(text).replace("’", "'").strip()
    openings = list(_VERDICT.finditer(said))
    found: set[Literal["A", "B", "tie"]] = set()
    loose: set[Literal["A", "B", "tie"]] = set()
    for opening, end in zip(openings, [*(it.start() for it in openings[1:]), len(said)], strict=False):
        if choice := _CHOICE.match(said, opening.end()):
            (loose if opening["answer"] or opening["boxed"] else found).add(_side(choice))
        else:
            found |= _opinions(said[opening.end() : end].lstrip().partition("\n")[0])
    found = found or loose
    if not found and (lone := _LONE.fullmatch(said, said.rfind("\n") + 1)):
        found.add(_side(lone))
    found = found or _opinions(said)
    return found.pop() if len(found) == 1 else None


def _visible(text: str) -> str:
    said = _THOUGHT.sub("\n", text.translate(_WIDE).replace("\r\n", "\n"))
    return _THOUGHT_END.split(said)[-1]  # the prompts of some models open the thought, so only its end is here


def _settled(claims: list[_Claim]) -> Rating | None:
    scores = {claim.score for claim in claims}
    score = scores.pop() if len(scores) == 1 else None
    return None if score is None else Rating(score, next((claim.reason for claim in claims if claim.reason), ""))


def _placed(claims: list[_Claim], count: int) -> list[list[_Claim]]:
    """Sort claims by the text they are about: by number, or by order where that leaves no doubt."""
    places: list[list[_Claim]] = [[] for _ in range(count)]
    numbers = {claim.number for claim in claims if claim.number is not None}
    first = 0 if numbers == set(range(count)) else 1
    if 0 in numbers and first == 1:  # counted from 0, and not all are there
        return places
    for place, claim in enumerate(claims):
        if claim.number is not None and first <= claim.number < first + count:
            places[claim.number - first].append(claim)
        elif not numbers and count in (1, len(claims)):
            places[place if count > 1 else 0].append(claim)
    return places


def _score(value: re.Match[str] | None, scale: tuple[int, int]) -> float | None:
    if value is None or (value["of"] and float(value["of"]) != scale[1]):  # 8/10 is no 8 from 1 to 5, and no 4 either
        return None
    return score if scale[0] <= (score := float(value["n"])) <= scale[1] else None


def _objects(said: str, scale: tuple[int, int]) -> tuple[list[list[_Claim]], str]:
    """Return the claims of every JSON value in a text, and the text without those that make any."""
    groups, rest, position, done, tries = [], [], 0, 0, 0
    headings = _headings(said)
    while tries < _TRIES and (opening := _OPEN.search(said, position)):
        start = opening.start()
        try:
            value, position = _JSON.raw_decode(said, start)
        except (ValueError, RecursionError):
            position, tries = start + 1, tries + 1
            continue
        bare = isinstance(value, list) and not any(isinstance(item, tuple) for item in value)
        before = _RATINGS_BEFORE.search(said, max(0, start - 20), start)
        if bare and (not before or (before[1] and len(value) == 1)):  # Type: [1, 2]; Rating: [4], which is prose
            continue
        if claims := list(_listed(value, scale)):
            if len(claims) == 1 and claims[0].number is None:
                number = next((int(it["n"]) for it in reversed(headings) if it.start() < start), None)
                claims = [claims[0]._replace(number=number)]
            groups.append(claims)
            rest.append(said[done:start])
            done = position
    return groups, "\n".join([*rest, said[done:]])


def _listed(value: Any, scale: tuple[int, int], number: int | None = None, depth: int = 4) -> Iterator[_Claim]:
    """Yield the claims of a JSON value: a list, an object (pairs), or what stands for a rating itself."""
    if isinstance(value, list):
        for item in value if depth else ():
            yield from _listed(item, scale, number, depth - 1)
        return
    if not isinstance(value, tuple):
        said = _VALUE.match(str(value))
        yield _Claim(_score(said, scale) if said and _ENDS.match(str(value), said.end()) else None, "", number)
        return
    fields = [(re.sub(r"[\s_-]+", " ", key).strip().lower(), it) for key, it in value]
    whys = sorted((field for field in fields if _WHY_KEY.fullmatch(field[0])), key=lambda it: "rating" in it[0])
    why = whys[-1][1] if whys else ""
    ids = [_NUMBERED.fullmatch(it) for key, it in fields if isinstance(it, str) and _ID_KEY.fullmatch(key)]
    number = next((int(found[1]) for found in ids if found), number)
    rated = [it for key, it in fields if _RATING_KEY.fullmatch(key)]
    for it in rated if depth else ():
        claims = list(_listed(it, scale, number, depth - 1))
        given = why if isinstance(it, list) else [why]
        if not isinstance(given, list) or len(given) != len(claims):
            given = [""] * len(claims)
        for claim, reason in zip(claims, given, strict=True):
            yield claim._replace(reason=reason.strip()) if isinstance(reason, str) and reason else claim
    for key, it in fields if depth and not rated else ():
        if found := _NUMBERED.fullmatch(key):
            yield from _listed(it, scale, int(found[1]), depth - 1)
        elif isinstance(it, tuple) or (isinstance(it, list) and any(isinstance(item, tuple) for item in it)):
            yield from _listed(it, scale, number, depth - 1)


def _written(said: str, scale: tuple[int, int], labelled_only: bool) -> list[_Claim]:
    """Return the claims of prose: section by section where there are headings."""
    low, high = scale
    echo = r"(?i)(?:\b(?:on )?(?:an? )?(?:scale(?: of| from)?|of|from) )?(?<![\w.-])"
    echo += rf"{low} ?(?:-|–|—|to) ?{high}\b(?! ?[/%])"
    echo += rf"|\bbetween {low} and {high}\b|\((?:out of |/ ?){high}\)|\bout of {high}(?=[*_ ]{{0,3}}[:=])"
    plain = re.sub(echo, lambda found: " " * len(found[0]), said)  # "Rating (1-5): 4"
    headings = _headings(plain)
    if not headings:
        claims = _section(said, plain, (0, len(plain)), scale, None, labelled_only)
        named = list(dict.fromkeys(int(found) for found in _MENTIONED.findall(plain)))
        in_order = len(claims) < 2 or named == sorted(named)  # "For text 2, rating: 3. For text 1, rating: 4."
        return claims if in_order else [claim._replace(score=None) for claim in claims]
    ends = [*(heading.start() for heading in headings[1:]), len(plain)]
    spans = [(heading.end(), end, int(heading["n"])) for heading, end in zip(headings, ends, strict=True)]
    return [it for a, b, number in spans for it in _section(said, plain, (a, b), scale, number, labelled_only)]


def _headings(said: str) -> list[re.Match[str]]:
    headings = list(_HEADING.finditer(said))
    marked = [heading for heading in headings if heading["hash"]]
    return marked or headings  # where some are marked, "Text 1: ..." is a line of somebody's reasons


def _section(
    said: str, plain: str, span: tuple[int, int], scale: tuple[int, int], number: int | None, labelled_only: bool
) -> list[_Claim]:
    """Return the claims in a span: those with a label, else those in prose, else a number that stands alone."""
    found: list[tuple[int, int, float | None]] = []
    for opening in _NAMED.finditer(plain, *span):
        if found and opening.start() < found[-1][1]:  # Rating: [[4]]
            continue
        value = _VALUE.match(plain, opening.end(), span[1])
        if value or opening["sure"]:
            found.append((opening.start(), value.end() if value else opening.end(), _score(value, scale)))
    if not found and not labelled_only:
        found = _unlabelled(plain, span, scale, number is not None)
    whys = _reasons(said, plain, span, [(start, end) for start, end, _ in found])
    return [_Claim(score, why, number) for (_, _, score), why in zip(found, whys, strict=True)]


def _unlabelled(
    plain: str, span: tuple[int, int], scale: tuple[int, int], headed: bool
) -> list[tuple[int, int, float | None]]:
    found: dict[int, tuple[int, int, float | None]] = {}
    last = span[0] + len(plain[slice(*span)].rstrip())
    for place in {span[0]} if headed else {span[0], plain.rfind("\n", span[0], last) + 1 or span[0]}:
        value = _VALUE.match(plain, place, span[1])
        beside = headed and value and not value["line"]  # Text 1: 4 (clear); on a line below it may count anything
        if value and (_ALONE_OR_FIRST if beside else _ALONE).match(plain, value.end(), span[1]):
            found[value.start("n")] = (*value.span(), _score(value, scale))
    for opening in () if headed and found else _PROSE.finditer(plain, *span):
        value = _VALUE.match(plain, opening.end(), span[1])
        score = _score(value, scale)
        if value and score is not None and _ENDS.match(plain, value.end(), span[1]):  # not 4/5 of the facts
            found[value.start("n")] = (opening.start(), value.end(), score)
    return [found[place] for place in sorted(found)]


def _reasons(said: str, plain: str, span: tuple[int, int], rated: list[tuple[int, int]]) -> list[str]:
    """Return the reason of every rating: what is labelled so after it, or before it where the judge reasons first."""
    marks = [(mark.start(), mark.end(), "why" if mark["why"] else "type") for mark in _MARK.finditer(plain, *span)]
    if not marks:
        return [_rest(said, plain, span, *rated[0])] if len(rated) == 1 else [""] * len(rated)
    events = sorted([*marks, *((start, end, "rating") for start, end in rated)])
    step = -1 if events[0][2] == "why" and events[-1][2] == "rating" else 1
    stops = [*(start for start, _, _ in events[1:]), span[1]]
    near = [place + step for place, event in enumerate(events) if event[2] == "rating"]
    is_why = [0 <= place < len(events) and events[place][2] == "why" for place in near]
    return [
        said[events[place][1] : stops[place]].strip(_FRAME) if why else ""
        for place, why in zip(near, is_why, strict=True)
    ]


def _rest(said: str, plain: str, span: tuple[int, int], start: int, end: int) -> str:
    """Return what stands after the only rating, else on the lines before it, else before it on its line."""
    after = _REST.match(plain, end, span[1])
    line = plain.rfind("\n", span[0], start) + 1
    found = said[after.end() : span[1]].strip(_FRAME) if after else ""
    found = found or said[span[0] : max(span[0], line)].strip(_FRAME)
    before = said[span[0] : start].strip(_FRAME)
    found = found or (before if before.endswith((".", "!", "?", "。")) else "")  # "Overall Rating: 4" gives none
    return found if any(sign.isalpha() for sign in found) else ""


def _side(choice: re.Match[str]) -> Literal["A", "B", "tie"]:
    return "A" if choice["side"] in ("A", "a") else "B" if choice["side"] in ("B", "b") else "tie"


def _opinions(prose: str) -> set[Literal["A", "B", "tie"]]:
    """Return what the sentences of a text prefer; one with a doubt in it prefers nothing."""
    found: set[Literal["A", "B", "tie"]] = set()
    for sentence in re.split(r"[.!?;\n]+", prose):
        if _EVEN.search(sentence):
            found.add("tie")
        if not _HEDGED.search(sentence):
            found.update(_side(better) for pattern in (_BETTER, _CHOSEN) for better in pattern.finditer(sentence))
            found.update("B" if _side(worse) == "A" else "A" for worse in _WORSE.finditer(sentence))
    return found
