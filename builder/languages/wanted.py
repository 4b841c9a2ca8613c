"""Which language a prompt asks its answer to be in, where it says so.

"Write a poem in French."              required fr
"What does 'Haus' mean in German?"     de as good as the prompt's own language
"Fasse den Text zusammen: …"           nothing said: the prompt's own language
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

# Names by which a prompt may call a language: in English, in itself, and in the languages most asked in.
_NAMES = {
    "af": "Afrikaans",
    "ar": "Arabic Arabisch Arabische arabe árabe arabo العربية 阿拉伯语 アラビア語 арабский арабском",
    "bg": "Bulgarian Bulgarisch bulgare búlgaro български болгарский болгарском",
    "bn": "Bengali Bangla বাংলা",
    "ca": "Catalan català catalán Katalanisch",
    "cs": "Czech Tschechisch tchèque checo česky češtiny češtině чешский чешском",
    "cy": "Welsh Gymraeg",
    "da": "Danish dansk Dänisch danois danés danese",
    "de": "German Deutsch Deutsche allemand alemán alemão tedesco Duits tysk tyska 德语 德文 ドイツ語 "
    "немецкий немецком",
    "el": "Greek Griechisch grec griego ελληνικά",
    "en": "English Englisch Englische anglais inglés inglês inglese Engels engelsk engelska 英语 英文 英語 английский "
    "английском angielski angielskim bahasa·Inggris İngilizce 영어",
    "es": "Spanish Spanisch Spanische espagnol español espanhol spagnolo castellano Spaans spansk spanska 西班牙语 "
    "スペイン語 испанский испанском",
    "et": "Estonian Estnisch eesti",
    "fa": "Persian Farsi Persisch فارسی",
    "fi": "Finnish Finnisch finnois finlandés suomeksi suomi",
    "fr": "French Französisch Französische français francés francês francese Frans fransk franska 法语 法文 フランス語 "
    "французский французском",
    "gu": "Gujarati ગુજરાતી",
    "he": "Hebrew Hebräisch hébreu hebreo עברית",
    "hi": "Hindi हिंदी हिन्दी",
    "hr": "Croatian Kroatisch croate hrvatski hrvatskom",
    "hu": "Hungarian Ungarisch hongrois húngaro magyarul magyar",
    "id": "Indonesian Indonesisch indonésien bahasa·Indonesia",
    "it": "Italian Italienisch Italienische italien italiano Italiaans italiensk italienska 意大利语 イタリア語 "
    "итальянский итальянском",
    "ja": "Japanese Japanisch Japanische japonais japonés japonês giapponese Japans japansk 日语 日文 日本語 японский "
    "японском",
    "kn": "Kannada ಕನ್ನಡ",
    "ko": "Korean Koreanisch coréen coreano 韩语 韓国語 한국어 корейский корейском",
    "lt": "Lithuanian Litauisch lietuvių lietuviškai",
    "lv": "Latvian Lettisch latviešu latviski",
    "mk": "Macedonian Mazedonisch македонски",
    "ml": "Malayalam മലയാളം",
    "mr": "Marathi मराठी",
    "ne": "Nepali नेपाली",
    "nl": "Dutch Niederländisch néerlandais neerlandés holandés olandese Nederlands голландский",
    "no": "Norwegian norsk Norwegisch norvégien noruego",
    "pa": "Punjabi ਪੰਜਾਬੀ",
    "pl": "Polish Polnisch polonais polaco polacco polski polsku польский польском",
    "pt": "Portuguese Portugiesisch portugais portugués português portoghese Portugees "
    "葡萄牙语 ポルトガル語 португальский португальском",
    "ro": "Romanian Rumänisch roumain rumano română",
    "ru": "Russian Russisch Russische russe ruso russo rysk rysska 俄语 ロシア語 русский русском",
    "sk": "Slovak Slowakisch slovaque slovensky slovenčiny",
    "sl": "Slovenian Slovene Slowenisch slovenščino slovenščini",
    "so": "Somali Soomaali",
    "sq": "Albanian Albanisch shqip",
    "sv": "Swedish svenska Schwedisch suédois sueco svedese svensk",
    "sw": "Swahili Kiswahili",
    "ta": "Tamil தமிழ்",
    "te": "Telugu తెలుగు",
    "th": "Thai Thailändisch ไทย タイ語",
    "tl": "Tagalog Filipino",
    "tr": "Turkish Türkisch turc turco Türkçe Turks tyrkisk турецкий",
    "uk": "Ukrainian Ukrainisch ukrainien ucraniano українська українською украинский украинском",
    "ur": "Urdu اردو",
    "vi": "Vietnamese Vietnamesisch vietnamien vietnamita tiếng·Việt",
    "zh": "Chinese Mandarin Chinesisch Chinesische chinois chino chinês cinese Chinees kinesisk 中文 汉语 漢語 中国語 "
    "китайский китайском",
}
_BEFORE = (
    r"(?:in|into|to|auf|ins|en|au|al|vers l['’]|vers le|em|para o|para|naar het|in het|på|til|till|na|po|на|w)\s+"
    r"(?:(?:the|fluent|plain|simple|proper|standard|modern|everyday|good|idiomatic|simplified|traditional|brazilian|"
    r"british|american)\s+)?|(?:l['’])"
)
_WRITE = (
    r"(?:write|answer|respond|reply|translate|rewrite|compose|summari[sz]e|output|schreib\w*|antworte\w*|"
    r"übersetze?\w*|écri\w+|répond\w*|tradui\w*|rédige\w*|escrib\w+|responda?\w*|contesta\w*|tradu[czs]\w*|"
    r"traduire|traducir|scriv\w+|rispond\w+|vertaal|antwoord|escreva|traduza|напиш\w+|ответ\w+|перевед\w+|skriv|översätt|"
    r"oversæt|oversett|napisz|przetłumacz)"
)
_TRANSLATION = re.compile(
    r"translat|übersetz|tradui|traduc|tradu[zs]|traduç|vertaal|vertal|перевед|перевод|переклад|翻译|翻譯|翻訳|訳し|번역|"
    r"översätt|oversæt|oversett|przetłumacz|přelož|prelož|çevir|terjemahkan|dịch|ترجم|अनुवाद",
    re.IGNORECASE,
)
_QUOTED_IN = re.compile(r"how (?:do|does|can|would|to) .{0,20}\bsay|\bword for\b|\bmeans?\b|\bcalled\b", re.IGNORECASE)


class Wish(NamedTuple):
    """What a prompt says of its answer's language."""

    required: str | None
    """The one it asks for."""
    possible: frozenset[str]
    """Those it names: an answer in one of them, or in the prompt's own, may be what was asked for."""
    translation: bool
    """Whether it asks for a translation."""


def wish(prompt: str, task: str | None = None) -> Wish:
    """Read what a prompt says of the language of its answer; `task` is the row's, as "translation"."""
    by_name, anywhere, target, ordered = _patterns()
    named = frozenset(by_name[found.lower()] for found in anywhere.findall(prompt))
    translation = bool(_TRANSLATION.search(prompt)) or "translat" in (task or "").lower()
    if not named:
        return Wish(None, named, translation)
    asked = {by_name[name.lower()] for name in _names(target, prompt)}
    if not asked:
        return Wish(None, named, translation)
    order = {by_name[name.lower()] for name in _names(ordered, prompt)}
    if len(order) == 1 and asked <= order and not _QUOTED_IN.search(prompt):
        return Wish(order.pop(), named, translation)
    return Wish(None, named, translation)


def requests() -> str:
    """Return a regular expression (of Rust's kind) that finds whatever prompt may name a language."""
    every = sorted((name.replace("·", " ") for names in _NAMES.values() for name in names.split()), key=len)
    return "|".join(re.escape(name) for name in every)


def _names(pattern: re.Pattern[str], prompt: str) -> list[str]:
    return [next(filter(None, found.groups())) for found in pattern.finditer(prompt)]


@functools.cache
def _patterns() -> tuple[dict[str, str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    by_name = {
        name.replace("·", " ").lower(): code for code, names in _NAMES.items() for name in names.split()
    }  # as written they are matched with their capitals: "to polish" asks for no Polish
    spaced = [name.replace("·", " ") for names in _NAMES.values() for name in names.split()]
    cjk = [name for name in spaced if re.match(r"[\u3040-\u9fff\uac00-\ud7af]", name)]
    words = "|".join(sorted((name for name in spaced if name not in cjk), key=len, reverse=True))
    signs = "|".join(sorted(cjk, key=len, reverse=True))
    anywhere = re.compile(rf"\b(?:{words})\b|{signs}")
    phrase = rf"\b(?i:{_BEFORE})({words})\b"
    unspaced = rf"(?:用|成|为|為|以)({signs})|({signs})(?:で|に|로|으로)"
    target = re.compile(rf"{phrase}|{unspaced}")
    ordered = re.compile(rf"\b(?i:{_WRITE})\b[^.?!\n]{{0,80}}?{phrase}|{unspaced}")
    return by_name, anywhere, target, ordered
