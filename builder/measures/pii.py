"""Personal data and secrets: tight patterns, each held against its own check sum or plan where it has one.

    find("Write to ann.lee@acme.io or call +44 20 7946 1234.")
    -> [Span("email", 9, 24), Span("phone", 33, 49)]

Not marked: what is made up by convention (example.com, 555-01xx, 123-456-7890, the card networks' test numbers, AWS's
AKIA...EXAMPLE), names and addresses (no pattern tells them), IP addresses (nearly all are examples).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl

ABOUT = {"pii": "kinds of personal data found in prompt or response: email, phone, card, iban, key"}

KINDS = ("email", "phone", "card", "iban", "key")


class Span(NamedTuple):
    """Where something stands in a text, and what it is."""

    kind: str
    start: int
    end: int


# What may hold any of them: one quick look at every text, in polars' syntax; `find` looks closely at the few left.
_NINE = r"[0-9](?:[ ().\-/\u00a0]{0,3}[0-9]){8}|[A-Z]{2}[0-9]{2} ?[A-Z]{4}"
_MAYBE = (
    rf"@|{_NINE}|"
    r"sk-|gh[pousr]_|github_pat_|glpat-|AKIA|ASIA|AIza|xox[abeoprs]-|hf_|-----BEGIN|eyJ"
)

_EMAIL = re.compile(
    r"(?<![\w.+/:-])([A-Za-z0-9](?:[\w.+-]{0,62}[\w+-])?)@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,18})"
    r"(?![\w@-])(?!:[\w/])",
    re.ASCII,
)
_RESERVED = re.compile(
    r"(?:^|\.)(?:example(?:\.(?:com|net|org|edu))?|test|invalid|localhost)$|\.(?:png|jpe?g|gif|svg|webp|py|js)$"
)

_NOBODY = frozenset(("example", "user", "username", "name", "email", "yourname", "youremail", "someone", "git"))

_NUMBER = re.compile(_NINE)
# re.ASCII throughout: a number may stand right behind a Chinese character
_APART = r"[ .\-\u00a0]"
_PHONES = re.compile(
    # +44 20 7946 1234
    rf"(?<![\w.+])\+[1-9](?:(?:{_APART}|{_APART}?\(|\){_APART}?)?[0-9]){{8,14}}(?![0-9]|{_APART}?[0-9])"
    # (212) 456-7890, 212-456-7890
    rf"|(?<![\w.+/$€£-])(?:1{_APART})?(?:\([2-9][0-9]{{2}}\) ?|[2-9][0-9]{{2}}[.\- ])[2-9][0-9]{{2}}[.\-][0-9]{{4}}"
    r"(?![\w]|[.\-][0-9])"
    # 020 7946 1234, 01 23 45 67 89, 0171/1234567
    r"|(?<![\w.,+/:$€£-])0[1-9][0-9]{0,3}(?:[ \-][0-9]{2,4}){2,4}(?![\w]|[.,:\- /][0-9])"
    r"|(?<![\w.,+/:$€£-])0[1-9][0-9]{1,3}/[0-9]{5,8}(?![\w]|[.,:/][0-9])",
    re.ASCII,
)
_TOLD = re.compile(
    r"(?i:phone|mobile|whatsapp|\btel\b|\bcell\b|\bfax\b|telefon|téléphone|teléfono|电话|手机|電話|携帯)"
    r"[^\n0-9]{0,16}?([+(]?[0-9][0-9 ().\-]{7,18}[0-9])(?![\w])",
    re.ASCII,
)
_CARD = re.compile(r"(?<![\w.,+-])[2-6](?:[ -]?[0-9]){12,18}(?![\w]|[ -][0-9]|\.[0-9])", re.ASCII)
_BRANDS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}|"
    r"3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|6(?:011|5[0-9]{2})[0-9]{12}|35[0-9]{14}|62[0-9]{14,17}"
)
_TEST_CARDS = frozenset(
    re.findall(
        r"[0-9]+",
        "4111111111111111 4242424242424242 4012888888881881 4000056655665556 5555555555554444 5105105105105100 "
        "2223003122003222 378282246310005 371449635398431 6011111111111117 6011000990139424 3530111333300000 "
        "30569309025904 38520000023237",
    )
)
_IBAN = re.compile(r"(?<![\w])[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{2,4}){2,8}(?: ?[A-Z0-9]{1,3})?(?![\w])", re.ASCII)
# length by country: the SWIFT registry
_IBANS = {
    country: int(length)
    for country, length in re.findall(
        r"([A-Z]{2})([0-9]{2})",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 "
        "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LI21 LT20 LU20 "
        "LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SE24 SI19 SK24 SM27 "
        "TN24 TR26 UA29 VA22 VG24 XK20",
    )
}
_KEY = re.compile(
    r"(?<![\w-])(?:sk-[\w-]{20,}|gh[pousr]_\w{36,}|github_pat_\w{40,}|glpat-[\w-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{35}|"
    r"xox[abeoprs]-[\w-]{20,}|hf_[A-Za-z0-9]{30,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,})(?![\w])"
    r"|-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----[A-Za-z0-9+/=\s]{100,}(?:-----END [A-Z0-9 ]+-----)?",
    re.ASCII,
)


def expression(*texts: pl.Expr) -> pl.Expr:
    """Return the kinds found in any of the texts, sorted: a list[str], empty where there are none."""
    import polars as pl

    whole = pl.concat_str(texts, separator="\n\n", ignore_nulls=True)
    suspect = pl.when(whole.str.contains(_MAYBE)).then(whole)
    return suspect.map_batches(_looked_at, return_dtype=pl.List(pl.String()))


def _looked_at(texts: pl.Series) -> pl.Series:
    import polars as pl

    found: list[list[str]] = [[]] * len(texts)
    for place, text in enumerate(texts):
        if text is not None:
            found[place] = sorted({span.kind for span in find(text)})
    return pl.Series(found, dtype=pl.List(pl.String()))


def find(text: str) -> list[Span]:
    """Return what is found, in order, none of it overlapping; where two kinds would, the surer one stands."""
    spans = [("key", m.span()) for m in _KEY.finditer(text) if _secret(m[0])]
    if "@" in text:
        spans += [("email", m.span()) for m in _EMAIL.finditer(text) if _email(m[1].lower(), m[2].lower())]
    if _NUMBER.search(text):
        spans += [("card", m.span()) for m in _CARD.finditer(text) if _card(m[0])]
        spans += [("iban", m.span()) for m in _IBAN.finditer(text) if _iban(m[0])]
        spans += [("phone", m.span()) for m in _PHONES.finditer(text) if _phone(m[0])]
        spans += [("phone", m.span(1)) for m in _TOLD.finditer(text) if _phone(m[1])]
    taken: list[Span] = []
    for kind, (start, end) in spans:
        if all(end <= other.start or start >= other.end for other in taken):
            taken.append(Span(kind, start, end))
    return sorted(taken, key=lambda span: span.start)


def redact(text: str, kinds: Collection[str] = KINDS) -> str:
    """Put `[EMAIL]`, `[PHONE]`, `[CARD]`, `[IBAN]` or `[KEY]` in the place of what `find` finds of these kinds."""
    for span in reversed(find(text)):
        if span.kind not in kinds:
            continue
        text = f"{text[: span.start]}[{span.kind.upper()}]{text[span.end :]}"
    return text


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _email(who: str, where: str) -> bool:
    return re.sub(r"[._-]", "", who) not in _NOBODY and not _RESERVED.search(where)


def _secret(text: str) -> bool:
    """A key is random: "sk-your-api-key-goes-here" and "AKIAIOSFODNN7EXAMPLE" are not."""
    if text.startswith("-----"):
        return True
    return "EXAMPLE" not in text.upper() and len(set(text)) >= 12 and sum(map(str.isdigit, text)) >= 2


_MADE_UP = ("123456789", "1234567890", "0123456789", "11234567890")


def _phone(text: str) -> bool:
    """Nine to fifteen digits, not a date, not one made up: 555-01xx, 123-456-7890, 000-000-0000."""
    digits = _digits(text)
    if not 9 <= len(digits) <= 15 or len(set(digits)) < 4 or digits in _MADE_UP:
        return False
    if re.match(r"(?:\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d{2})(?:\D|$)", text):
        return False
    if digits.startswith("0") and re.search(r"[ -](?:19|20)\d\d(?:[ -]|$)", text):  # two years and a number
        return False
    return not re.fullmatch(r"1?\d{3}55501\d\d", digits)


def _card(text: str) -> bool:
    """A network's prefix and length, and Luhn's check digit (ISO/IEC 7812-1)."""
    digits = _digits(text)
    if not _BRANDS.fullmatch(digits) or digits in _TEST_CARDS or len(set(digits)) < 3:
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def _iban(text: str) -> bool:
    """The country's length, and remainder 1 of 97 (ISO 13616)."""
    letters = text.replace(" ", "")
    if _IBANS.get(letters[:2]) != len(letters):
        return False
    return int("".join(str(int(letter, 36)) for letter in letters[4:] + letters[:4])) % 97 == 1
