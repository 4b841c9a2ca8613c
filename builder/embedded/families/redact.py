"""Mask names, e-mail addresses, phone numbers, dates, times, cities or codes in a text, each kind as asked.

Redact the note below: every full name becomes "[NAME]"; every date becomes its year. -> [NAME] sent it in 2024.
"""

import random
import re
from collections.abc import Iterator

from builder.embedded import frame, prose, worlds
from builder.embedded.grammar import Pattern, Phrases
from builder.embedded.task import Messages, Slip, Task, user
from builder.embedded.vocab import CITIES, FIRST_NAMES, LAST_NAMES
from builder.embedded.worlds import SENTENCE_END, Passage, kinds

ABILITY = "conversion"
WEIGHT = 3.0
REQUEST = Phrases(
    "[redact|anonymise|mask] the {text} {here:here} [as follows|like this]: {rules}. [leave|keep] "
    "[everything else|the rest] "
    "[as it is|unchanged|word for word].",
    "[we want to share|I will pass on|we would like to publish] the {text} {here:here}; [change|mask] it "
    "so that {rules}. "
    "[nothing else may change|do not touch anything else].",
    "[copy|repeat|write out] the {text} {here:here}[ word for word|], but {rules}. [everything else "
    "stays|The rest stays] [as it is|the same].",
    "[personal|private] [data|details] must not [leave our office|be shared|be published], so in the {text} "
    "{here:here}, {rules}. [give|send] me "
    "the [whole |full |]text [back |]with only [these|those] changes.",
)
RULES = {
    ("name", "tag"): Phrases(
        "[every|each] [full name|name of a person] [becomes|turns into|is replaced by] {mask:quoted}"
    ),
    ("name", "initials"): Phrases(
        "[every|each] [full name|name of a person] is [cut down to|replaced by] initials such as AB"
    ),
    ("email", "tag"): Phrases(
        "[every|each|any] [e-mail address|mail address] [becomes|turns into|is replaced by] {mask:quoted}"
    ),
    ("email", "domain"): Phrases(
        "[every|each|any] e-mail address keeps only [its domain|what follows the @], with *** before the @"
    ),
    ("phone", "tag"): Phrases(
        "[every|each|any] [phone|telephone] number [becomes|turns into|is replaced by] {mask:quoted}"
    ),
    ("phone", "last"): Phrases(
        "[every|each|any] [phone|telephone] number keeps only its last three digits, with x for each of the others"
    ),
    ("date", "tag"): Phrases("[every|each|any] [full |]date [becomes|turns into|is replaced by] {mask:quoted}"),
    ("date", "year"): Phrases("[every|each|any] [full |]date [is cut down to|shrinks to|becomes] its year"),
    ("time", "tag"): Phrases("[every|each|any] time of day [becomes|turns into|is replaced by] {mask:quoted}"),
    ("city", "tag"): Phrases(
        "[every|each|any] [city|name of a city] [becomes|turns into|is replaced by] {mask:quoted}"
    ),
    ("code", "tag"): Phrases(
        "[every|each|any] [reference code|code of letters and digits] [becomes|turns into|is replaced by] {mask:quoted}"
    ),
    ("code", "digits"): Phrases(
        "[every|each] digit of a [reference code|code of letters and digits] [becomes|turns into] #"
    ),
}
MASKS = {
    "name": ("[NAME]", "<person>", "(name removed)"),
    "email": ("[EMAIL]", "<mail>", "(address removed)"),
    "phone": ("[PHONE]", "<number>", "(number removed)"),
    "date": ("[DATE]", "<date>", "(date removed)"),
    "time": ("[TIME]", "<time>", "--:--"),
    "city": ("[CITY]", "<place>", "(place removed)"),
    "code": ("[CODE]", "<code>", "(code removed)"),
}
ANY_MASK = ("***", "XXX", "[REDACTED]")
SHAPES = {"name": kinds.person().regex, "email": kinds.email().regex, "phone": r"0\d{3} \d{3} \d{3}"}
KIND_BY_SHAPE = {
    kinds.person().regex: "name",
    kinds.city().regex: "city",
    kinds.date().regex: "date",
    kinds.time().regex: "time",
    kinds.email().regex: "email",
}
CONTACTS = [
    Pattern(text, SHAPES)
    for text in (
        "[questions|complaints|changes|corrections] go to {name}, [phone|telephone] {phone}.",
        "[please |]write to {email} [if anything is unclear|for further details|should something be missing].",
        "{name} [answers calls|picks up the phone] [until noon|all day|after lunch] on {phone}.",
        "[the number of the front desk|our number|the number for emergencies] is {phone}.",
        "[a copy goes|one copy went] to {name} at {email}.",
        "[typed|written down|checked] by {name}, who can be reached at {email}.",
    )
]
Rules = dict[str, tuple[str, str]]
Secrets = dict[str, str]


def sample(rng: random.Random) -> Task:
    """Draw a text with contact details in it, and ask for one to three kinds to be masked."""
    passage = worlds.draw(rng, most=6)
    secrets = _secrets_of(passage)
    sentences = SENTENCE_END.split(passage.text)
    for contact in rng.sample(CONTACTS, rng.choice((1, 1, 2))):
        details = _contact(rng)
        sentence = contact.render(rng, **details)
        secrets |= {value: kind for kind, value in details.items() if value in sentence}
        sentences.insert(rng.randint(1, len(sentences)), sentence)
    body = " ".join(sentences)
    present = sorted(set(secrets.values()))
    asked = rng.sample(present, min(len(present), rng.choice((1, 2, 2, 3))))
    if rng.random() < 0.15 and len(present) < len(MASKS):
        asked.append(rng.choice([kind for kind in MASKS if kind not in present]))
    ways = {kind: rng.choice([how for name, how in RULES if name == kind]) for kind in asked}
    rules = {kind: (how, rng.choice((*MASKS[kind], *ANY_MASK)) if how == "tag" else "") for kind, how in ways.items()}
    clauses = [prose.lowered(RULES[kind, how].render(rng, mask=f'"{mask}"')) for kind, (how, mask) in rules.items()]
    prompt = frame.compose(rng, REQUEST, body, world=passage.world, rules=rng.choice(("; ", ", and ")).join(clauses))
    hidden = [[value, *rules[kind]] for value, kind in secrets.items() if kind in rules]
    return Task("redact", ABILITY, user(prompt), [{"check": "redacted", "source": body, "hidden": hidden}])


def answer(messages: Messages) -> str | None:
    """Find what the text tells of the kinds asked for, and mask it."""
    if not (problem := _read(messages)):
        return None
    body, secrets, rules = problem
    return _redact(body, secrets, rules)


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a forgotten value, an ignored rule, another mask, too much or too little masked, a lost sentence, chat."""
    if not (problem := _read(messages)):
        return
    body, secrets, rules = problem
    hidden = [value for value, kind in secrets.items() if kind in rules]
    for value in hidden:
        rest = {other: kind for other, kind in secrets.items() if other != value}
        yield Slip("forgotten_value", _redact(body, rest, rules))
    for kind, (_, mask) in rules.items():
        others = {name: rule for name, rule in rules.items() if name != kind}
        yield Slip("ignored_rule", _redact(body, secrets, others))
        yield Slip("other_mask", _redact(body, secrets, {**rules, kind: ("tag", "[hidden]")}))
        whole = [value for value, its_kind in secrets.items() if its_kind == kind]
        rest = {value: its_kind for value, its_kind in secrets.items() if its_kind != kind}
        half = {value.split(" ")[0] if kind == "name" else value[: len(value) // 2]: kind for value in whole}
        yield Slip("masked_in_part", _redact(body, rest | half, {**rules, kind: ("tag", mask or "***")}))
    for kind in sorted({*secrets.values()} - {*rules}):
        yield Slip("masked_too_much", _redact(body, secrets, {**rules, kind: ("tag", "***")}))
    sentences = SENTENCE_END.split(response)
    if len(sentences) > 1:
        lost = rng.randrange(len(sentences))
        yield Slip("lost_sentence", " ".join(sentences[:lost] + sentences[lost + 1 :]))
    yield Slip("chatty", f"Here is the redacted text: {response}")


def _contact(rng: random.Random) -> dict[str, str]:
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    digits = [str(rng.randint(100, 999)) for _ in range(3)]
    return {
        "name": f"{first} {last}",
        "email": f"{first}.{last}@example.org".lower(),
        "phone": f"0{' '.join(digits)}",
    }


def _secrets_of(passage: Passage) -> Secrets:
    """Return what a passage tells of names, cities, dates, times, addresses and codes, each with its kind."""
    secrets: Secrets = {}
    for key, value in passage.record.items():
        kind = passage.world.by_key[key].kind
        if not kind.lower and not kind.number:
            secrets |= {value: "code"} if kind.code else {}
            secrets |= {value: KIND_BY_SHAPE[kind.regex]} if kind.regex in KIND_BY_SHAPE else {}
    return secrets


def _redact(body: str, secrets: Secrets, rules: Rules) -> str:
    """Replace every secret of a kind that has a rule, the longest first, in one go."""
    chosen = sorted((value for value, kind in secrets.items() if kind in rules), key=len, reverse=True)
    if not chosen:
        return body
    return re.sub("|".join(map(re.escape, chosen)), lambda found: _mask(found[0], *rules[secrets[found[0]]]), body)


def _mask(value: str, how: str, mask: str) -> str:
    match how:
        case "initials":
            return "".join(part[0] for part in value.split())
        case "domain":
            return re.sub(r".+@", "***@", value)
        case "last":
            return re.sub(r"\d(?=.*\d.*\d.*\d)", "x", value)
        case "year":
            return value.split()[-1]
        case "digits":
            return re.sub(r"\d", "#", value)
    return mask


def _read(messages: Messages) -> tuple[str, Secrets, Rules] | None:
    """Return the body, what is secret in it and the rules; None where a sentence of the body cannot be read."""
    reading = frame.read(messages, REQUEST)
    rules = _read_rules(reading.slots["rules"]) if reading else None
    if not reading or not rules:
        return None
    secrets: Secrets = {}
    told = []
    for sentence in SENTENCE_END.split(reading.body.strip()):
        details = next((slots for contact in CONTACTS if (slots := contact.read(sentence))), None)
        if details:
            secrets |= {value: kind for kind, value in details.items()}
        else:
            told.append(sentence)
    passage = worlds.read(" ".join(told)) if told else None
    if not passage or any(_may_hide(passage.record[key]) for key in passage.record if _is_free(passage, key)):
        return None
    return reading.body, secrets | _secrets_of(passage), rules


def _is_free(passage: Passage, key: str) -> bool:
    return passage.world.by_key[key].kind.lower


def _may_hide(words: str) -> bool:
    """Tell whether plain words might hold a secret of their own: a digit, an address, a full name, a city."""
    return bool(re.search(r"[\d@]|[A-Z]\w+ [A-Z]", words)) or not {*CITIES}.isdisjoint(words.split())


def _read_rules(text: str) -> Rules | None:
    rules: Rules = {}
    for clause in re.split(r"; |, and ", text):
        read = ((kind, how, slots) for (kind, how), words in RULES.items() if (slots := words.read(clause)) is not None)
        kind, how, slots = next(read, ("", "", {}))
        if not kind:
            return None
        rules[kind] = (how, slots.get("mask", "").strip('"'))
    return rules
