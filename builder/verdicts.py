r"""What judges say: ratings and preferences, read from what models really write. Never invented, never clamped.

    "#### Output for Text 2\n**Rating**: 4/5\nRationale: Clear."    the second text: 4, "Clear."
    '{"ratings": [4, null], "rationales": ["Clear.", ""]}'          the first text: 4, "Clear."
    "On a scale of 1 to 5 I would give this a 4"                    4, where only one text was rated

Every reading becomes claims; a text has a rating where all its claims agree. What cannot be read is a claim too (`Rating:
high`), one that agrees with none. No expression here can look at a character more than a bounded number of times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple


class Rating(NamedTuple):
    """What a judge gave one text, and why; the reason is "" where none was given."""

    score: float
    reason: str


class _Claim(NamedTuple):
    score: float | None
    """null: there is something, but no number on the scale."""
    reason: str = ""
    number: int | None = None
    """Of the text, counted from 1, where the judge says which it is."""


class _Scale(NamedTuple):
    low: int
    high: int


# Letters, digits and the signs that matter; commas and stops of Chinese reasons stay as they are.
_WIDE = {code: code - 0xFEE0 for code in (0xFF08, 0xFF09, *range(0xFF0D, 0xFF5B)) if chr(code) not in "；？"}
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.I | re.S)
_THOUGHT_END = re.compile(r"</think(?:ing)?>", re.I)

_NOUN = r"(?:text|output|response|answer|generation|completion|candidate|assistant|model|option)"
_LABEL = r"(?:(?<![a-z])(?<!confidence[ _])(?:rating|score|grade)s?|评分|評分|得分|スコア|評価)"
_EDGE = r"[ \t*_`\"'(\[|]*+"
_VALUE = re.compile(
    rf"""{_EDGE}(?P<line>\n\s*+{_EDGE})?(?P<word>[a-z][a-z ]{{0,30}}\()?   # Rating: Good (4)
    (?P<n>-?[0-9]{{1,6}}(?:\.[0-9]{{1,6}})?)(?![0-9a-z_%+²³½¼¾⅓⅔]|\.[0-9])
    (?:[ \t*_\])]*+(?:/|(?:out[ ])?of\b)[ \t*_(\[]*+(?P<of>[0-9]{{1,6}}(?:\.[0-9]{{1,6}})?)(?![0-9a-z_%]|\.[0-9]))?
    (?![ \t*_)\]]*+(?:[-–—−~/⁄→,&]|->|to\b|or\b|and\b|(?:out[ ])?of\b)[ \t*_]*+[0-9])   # 3-4: which of them?
    (?![ \t,(]*+on[ ]a[ ]scale[ ](?:of|from)[ ][0-9])           # ours is blanked, so this is another
    (?(line)(?![.)][ \t]))(?(word)\))                           # a list under `Rating:` is not the rating""",
    re.I | re.X,
)
_NAMED = re.compile(
    rf"""(?P<sure>{_LABEL}[\s*_`"'()\[\]|]*+[:=]|<(?:score|rating)>)
    |^[ \t\#>*_]*+{_LABEL}(?:[\s*_]*+(?=[0-9])|[ \t*_]*+[-–—][ \t*_]++(?=[0-9]))|\[\[(?=\s*[0-9])|\\boxed\{{""",
    re.I | re.M | re.X,
)
_PROSE = re.compile(
    rf"""(?<!to[ ])(?<!not[ ])(?<!n't[ ])(?<!never[ ])\b(?:gives?|rate|assign|award|score|grade|deserves?|merits?|earns?)\b
    [^.\n0-9]{{0,60}}(?=[ (*\[][0-9])|{_LABEL}\b[^.\n0-9:]{{0,40}}\b(?:is|of|be|as|at)\b[^.\n0-9]{{0,20}}(?=[ (*\[][0-9])
    |(?<![\w./,-])(?=[0-9.]{{1,13}}[*_]{{0,2}}[ ]?(?:/|out[ ]of))""",
    re.I | re.X,
)
_HEADING = re.compile(
    rf"""^[ \t>*_<|\[-]*+(?P<hash>\#++[ \t*_<]*+)?(?:[0-9]{{1,3}}[.)][ ][*_]*+)?(?:(?:{_LABEL}|output)[ ](?:for|of)[ ])?
    {_NOUN}[ \t_\#]*+(?P<n>[0-9]{{1,3}})(?![0-9.%])[ \t]*+
    (?(hash)[*_>\]:|)]*+|(?:[*_>\]:|)]++[ \t*_:|–—-]*+|[–—-]+[ \t*_]++|$|(?={_LABEL})))""",
    re.I | re.M | re.X,
)
_WHY = r"(?:rationale|reason(?:ing)?|explanation|justification|feedback|critique|comment)s?"
_MARK = re.compile(
    rf"""(?:^|(?<=[,;.|)，；。]))[ \t\#>*_"'(-]*+(?:(?P<why>{_WHY}|理由|原因)|types?)(?:[ ]for[ ][a-z ]{{1,30}})?
    [ \t*_"')]*+[:=][ \t*_"']*+""",
    re.I | re.M | re.X,
)
_REST = re.compile(r"[^\n.,;:–—-]*+[\n.,;:–—-]")

_ALONE_OR_HEADED = (re.compile(r"[ \t.*_\])]*+$", re.M), re.compile(r"[ \t*_\])]*+(?:$|[|;(–—-]|,[ ]|\.$)", re.M))
_FRAME = " \t\n*_#|-`"

_OPEN = re.compile(r'\{(?=\s*+["}])|(?<!\[)\[(?=\s*+["{0-9n-])')
_TRAILING = re.compile(r",\s*+(?=[}\]])")
_RATINGS_BEFORE = re.compile(r"(?:\A|rating|score|json|```)s?\W*\Z", re.I)
_JSON = json.JSONDecoder(  # numbers as they are written, objects as pairs: a key said twice is two claims
    parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=tuple, strict=False
)
_TRIES = 20
"""So often text that begins like JSON may turn out to be none; every try can cost a walk to the end."""
_QUALITY = r"(?:overall|final|total|quality|helpfulness|honesty|truthfulness|instruction following)"
_RATING_KEY = re.compile(rf"(?:{_QUALITY} )*(?:rating|score|grade)s?")
_WHY_KEY = re.compile(rf"{_WHY}(?: for (?:the )?ratings?)?")
_ID_KEY = re.compile(rf"{_NOUN}?(?: ?(?:id|index|number|no))?")
_NUMBERED = re.compile(rf"(?:output for )?{_NOUN}? ?#?([0-9]{{1,3}})", re.I)


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
    scale = _Scale(low, high)
    said = _visible(text)
    groups, rest = _objects(said, scale)
    if not groups:
        groups, rest = _objects(_TRAILING.sub("", said), scale)
    if not all(len(group) == count for group in groups):  # else each is a whole answer, a draft and its final form
        groups = [[claim for group in groups for claim in group]]
    written = _written(rest, scale, labelled_only=bool(groups))
    places = [_placed(claims, count) for claims in (*groups, written)]
    return [_settled([claim for place in places for claim in place[index]]) for index in range(count)]


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
    for place, claim in enumerate(claims):
        if numbers and claim.number is not None and first <= claim.number < first + count:
            places[claim.number - first].append(claim)
        elif not numbers and (count == 1 or len(claims) == count):
            places[place if count > 1 else 0].append(claim)
    return places if first == 0 or 0 not in numbers else [[] for _ in range(count)]


def _score(found: re.Match[str] | None, scale: _Scale) -> float | None:
    if found is None or (found["of"] and float(found["of"]) != scale.high):  # 8/10 is no 8 from 1 to 5, and no 4 either
        return None
    return score if scale.low <= (score := float(found["n"])) <= scale.high else None


def _objects(said: str, scale: _Scale) -> tuple[list[list[_Claim]], str]:
    """Return the claims of every JSON value in a text, and the text without those that make any."""
    groups, rest, position, done, tries = [], [], 0, 0, 0
    while tries < _TRIES and (opening := _OPEN.search(said, position)):
        start = opening.start()
        try:
            value, position = _JSON.raw_decode(said, start)
        except (ValueError, RecursionError):
            position, tries = start + 1, tries + 1
            continue
        bare = isinstance(value, list) and not any(isinstance(item, tuple) for item in value)
        if bare and not _RATINGS_BEFORE.search(said, max(0, start - 20), start):  # Type: [1, 2]
            continue
        if claims := list(_listed(value, scale)):
            groups.append(claims)
            rest.append(said[done:start])
            done = position
    return groups, "\n".join([*rest, said[done:]])


def _listed(value: Any, scale: _Scale, number: int | None = None, depth: int = 4) -> Iterator[_Claim]:
    """Yield the claims of a JSON value: a list, an object (pairs), or what stands for a rating itself."""
    if isinstance(value, list):
        for item in value if depth else ():
            yield from _listed(item, scale, number, depth - 1)
        return
    if not isinstance(value, tuple):
        yield _Claim(_score(_VALUE.match(str(value)), scale), "", number)
        return
    fields = [(re.sub(r"[\s_-]+", " ", key).strip().lower(), it) for key, it in value]
    why = max(
        (field for field in fields if _WHY_KEY.fullmatch(field[0])), key=lambda it: "rating" in it[0], default=None
    )
    reasons = why[1] if why else ""
    ids = [_NUMBERED.fullmatch(it) for key, it in fields if isinstance(it, str) and _ID_KEY.fullmatch(key)]
    number = next((int(found[1]) for found in ids if found), number)
    rated = [it for key, it in fields if _RATING_KEY.fullmatch(key)]
    for it in rated if depth else ():
        claims = list(_listed(it, scale, number, depth - 1))
        given = reasons if isinstance(it, list) else [reasons]
        fits = isinstance(given, list) and len(given) == len(claims)
        for claim, reason in zip(claims, given if fits else [""] * len(claims), strict=True):
            yield claim._replace(reason=reason.strip()) if isinstance(reason, str) and reason else claim
    for key, it in fields if depth and not rated else ():
        if found := _NUMBERED.fullmatch(key):
            yield from _listed(it, scale, int(found[1]), depth - 1)
        elif isinstance(it, tuple) or (isinstance(it, list) and any(isinstance(item, tuple) for item in it)):
            yield from _listed(it, scale, number, depth - 1)


def _written(said: str, scale: _Scale, labelled_only: bool) -> list[_Claim]:
    """Return the claims of prose: section by section where there are headings."""
    echo = rf"(?:\b(?:on )?(?:an? )?(?:scale )?(?:of|from) )?\b{scale.low} ?(?:-|–|—|to) ?{scale.high}\b(?! ?[/%])"
    echo += rf"|\bbetween {scale.low} and {scale.high}\b|\((?:out of |/ ?){scale.high}\)"
    plain = re.sub(echo, lambda found: " " * len(found[0]), said, flags=re.I)
    headings = list(_HEADING.finditer(plain))
    if any(heading["hash"] for heading in headings):  # then "Text 1: ..." is a line of somebody's reasons
        headings = [heading for heading in headings if heading["hash"]]
    if not headings:
        return _section(said, plain, 0, len(plain), scale, None, labelled_only)
    ends = [*(heading.start() for heading in headings[1:]), len(plain)]
    return [
        claim
        for heading, end in zip(headings, ends, strict=True)
        for claim in _section(said, plain, heading.end(), end, scale, int(heading["n"]), labelled_only)
    ]


def _section(
    said: str, plain: str, start: int, end: int, scale: _Scale, number: int | None, labelled_only: bool
) -> list[_Claim]:
    """Return the claims between two places of a text: those with a label, else those in prose, else a lone number."""
    found = []
    for opening in _NAMED.finditer(plain, start, end):
        value = _VALUE.match(plain, opening.end(), end)
        if value or opening["sure"]:
            found.append((opening.start(), value.end() if value else opening.end(), _score(value, scale)))
    if not found and not labelled_only:
        found = _unlabelled(plain, start, end, scale, number is not None)
    whys = _reasons(said, plain, start, end, [(first, last) for first, last, _ in found])
    return [_Claim(score, why, number) for (_, _, score), why in zip(found, whys, strict=True)]


def _unlabelled(plain: str, start: int, end: int, scale: _Scale, headed: bool) -> list[tuple[int, int, float | None]]:
    last = plain.rfind("\n", start, end - len(plain[start:end]) + len(plain[start:end].rstrip())) + 1
    for place in dict.fromkeys((start, max(start, last))):
        value = _VALUE.match(plain, place, end)
        if value and _ALONE_OR_HEADED[headed and place == start].match(plain, value.end(), end):
            return [(value.start(), value.end(), _score(value, scale))]
    found = {}
    for opening in _PROSE.finditer(plain, start, end):
        value = _VALUE.match(plain, opening.end(), end)
        if value and (score := _score(value, scale)) is not None:
            found[value.start("n")] = (opening.start(), value.end(), score)
    return list(found.values())


def _reasons(said: str, plain: str, start: int, end: int, rated: list[tuple[int, int]]) -> list[str]:
    """Return the reason of every rating: what is labelled so after it, or before it where the judge reasons first."""
    marks = [(mark.start(), mark.end(), "why" if mark["why"] else "type") for mark in _MARK.finditer(plain, start, end)]
    if not marks:
        return [_rest(said, plain, start, end, *rated[0])] if len(rated) == 1 else [""] * len(rated)
    events = sorted([*marks, *((first, last, "rating") for first, last in rated)])
    step = -1 if events[0][2] == "why" and events[-1][2] == "rating" else 1
    stops = [*(first for first, _, _ in events[1:]), end]
    found = []
    for place, event in enumerate(events):
        near = place + step
        if event[2] == "rating":
            is_why = 0 <= near < len(events) and events[near][2] == "why"
            found.append(said[events[near][1] : stops[near]].strip(_FRAME) if is_why else "")
    return found


def _rest(said: str, plain: str, start: int, end: int, first: int, last: int) -> str:
    """Return what stands after the only rating, else on the lines before it."""
    after = _REST.match(plain, last, end)
    line = plain.rfind("\n", start, first) + 1
    found = said[after.end() : end].strip(_FRAME) if after else ""
    found = found or said[start : max(start, line)].strip(_FRAME)
    return found if any(sign.isalpha() for sign in found) else ""


_SIDE = rf"(?:(?i:the )?(?i:{_NOUN}[ _])(?=[ABab]\b)|(?=[AB]\b))(?P<side>[ABab])\b"
_CLOSE = r"(?=[*_\"'`]*(?:[,)]|$)|[*_]* (?:than|overall|because|since|as|due|here|answer|response|one|choice|option|output)\b)"
_VERDICT = re.compile(
    r"""(?:(?<![a-z])(?:verdict|winner|preference|preferred(?:[ _][a-z]{1,12})?|choice|decision|judge?ment
    |(?:better|best)[ _](?:answer|response|output|text|one|option))|^[ \t\#>*_"{]*+(?:final[ ])?answer|(?<=")answer(?="))
    [\s*_"'`)]*+[:=]|<(?:verdict|winner|answer|choice|preference)>|\\boxed(?=\{)|\[(?=\[)""",
    re.I | re.M | re.X,
)
_CHOICE = re.compile(
    rf"""[\s*_"'`(\[{{]*+(?:(?:an?[ ])?(?P<tie>tie|tied|draw|equal|same|both|neither|A[ ]?=[ ]?B|B[ ]?=[ ]?A)
    |(?:the[ ])?(?:{_NOUN}[ _]?)?(?P<side>[A-C])(?:[ ]?>{{1,2}}[ ]?[AB])?)[*_`"')\]}}]*+
    (?:(?<=[*_`"')\]}}])|(?=[ ]*(?:[.;:!<|\n—–(]|,(?![ ]*[AB]\b)|$)|[ ](?:is|wins|because|since|as)\b))""",
    re.I | re.X,
)
_LONE = re.compile(rf"[\W_]*+(?:(?i:{_NOUN})[ _]?)?(?:(?P<side>[A-C])|(?P<tie>(?i:tie|draw)))[\W_]*+")
_HEDGED = re.compile(r"\b(?:not|never|if|whether|unless|neither|nor|cannot)\b|n't\b", re.I)
_EVEN = re.compile(
    r"""(?<!not[ ])(?:\bequally[ ](?:good|bad|well|strong|weak|valid|helpful|matched)\b|(?:\bis|'s|\bit|\bas)[ ]a[ ](?:tie|draw)\b
    |\bare[ ](?:about[ ]|roughly[ ])?(?:tied|equal|the[ ]same|on[ ]par)\b|no[ ]clear[ ]winner|\bneither\b.{0,30}[ ]is[ ]better)""",
    re.I | re.X,
)
_BETTER = re.compile(
    rf"""(?<![\w'-]){_SIDE}[*_"']*(?:[ ](?:is|was)[ ](?:[a-z]{{1,14}}[ ]){{0,3}}?
    (?:better|superior|preferable|stronger|best|winner|preferred){_CLOSE}|[ ](?:clearly[ ])?(?:wins|outperforms|beats)\b)""",
    re.X,
)
_WORSE = re.compile(
    rf"(?<![\w'-]){_SIDE}[*_\"']* (?:is|was) (?:[a-z]{{1,14}} ){{0,2}}?(?:worse|inferior|weaker){_CLOSE}"
)
_CHOSEN = re.compile(
    rf"""\b(?i:prefer|choose|pick|select|favou?r|go[ ]with|vote[ ]for
    |(?:winner|verdict|preference|choice|(?:better|best)[ ][a-z]{{1,12}})[ ](?:is|goes[ ]to))[ ][*_"'(\[]*{_SIDE}
    (?![ ](?:and|or)[ ])""",
    re.X,
)


def preference(text: str) -> Literal["A", "B", "tie"] | None:
    """Read which of two texts a judge prefers: its explicit verdict, else a last line with nothing else, else its prose.

    Args:
        text: what the judge wrote.

    Returns:
        null where it does not say, or says different things.
    """
    said = _visible(text).replace("’", "'").strip()
    found: set[str] = set()
    for opening in _VERDICT.finditer(said):
        if choice := _CHOICE.match(said, opening.end()):
            found.add(_side(choice))
        else:
            found |= _opinions(said[opening.end() : opening.end() + 200].lstrip().partition("\n")[0])
    if not found and (lone := _LONE.fullmatch(said, said.rfind("\n") + 1)):
        found.add(_side(lone))
    only = found or _opinions(said)
    return next((side for side in ("A", "B", "tie") if only == {side}), None)  # type: ignore[return-value]


def _side(found: re.Match[str]) -> str:
    return "tie" if found["side"] in (None, "C", "c") else found["side"].upper()


def _opinions(prose: str) -> set[str]:
    """Return what the sentences of a text prefer; one with a doubt in it prefers nothing."""
    found: set[str] = set()
    for sentence in re.split(r"[.!?;\n]+", prose):
        if _EVEN.search(sentence):
            found.add("tie")
        if not _HEDGED.search(sentence):
            found |= {_side(better) for pattern in (_BETTER, _CHOSEN) for better in pattern.finditer(sentence)}
            found |= {"B" if _side(worse) == "A" else "A" for worse in _WORSE.finditer(sentence)}
    return found
