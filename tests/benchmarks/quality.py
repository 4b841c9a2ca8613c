"""Quality measures: one lazy pass against a Python loop that computes the same, on the same rows, in one run.

    python tests/benchmarks/quality.py [ROWS] [--data real.parquet] [--rounds 3] [--loop 20000]

The 22 measures of the published filters (Self-Instruct, Alpaca, AlpacaDataCleaned, Gopher, FastChat, open-instruct and
our own), then all there are. The loop is plain Python: compiled regular expressions, sets, `str` methods. It runs over
the first LOOP rows and its time is scaled to all; its values must agree with the pass's to 4 decimals.
"""

import argparse
import os
import re
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import corpus
import polars as pl

from builder.measures import ABOUT, answers, counts, lazily, phrases, pii, prompts
from builder.text import MARK, SIGN, UNSPACED, WORDLIKE

MEASURES = (
    *("prompt_words", "prompt_keyword", "prompt_odd_start", "prompt_program", "prompt_placeholder", "prompt_merged"),
    *("empty", "echo", "colon_end", "refusal", "provider_identity", "truncated", "unfinished", "response_chars"),
    *("mean_word_chars", "symbol_ratio", "alphabetic_words", "stop_words", "bullet_lines", "duplicate_lines"),
    *("distinct_words", "digit_run"),
)


def members(pattern: str) -> str:
    """Write a class of characters of polars' syntax (`\\p{L}`) as ranges, for Python has no such classes."""
    points = ["" if 0xD800 <= point < 0xE000 else chr(point) for point in range(0x110000)]
    inside = pl.Series(points).str.contains(pattern).arg_true().to_list()
    ranges: list[list[int]] = []
    for point in inside:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)


def python(pattern: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(pattern.replace("(?-u:\\b)", "(?a:\\b)"), flags)


ALONE, MARKS, IN_WORD, SIGNS = members(UNSPACED), members(MARK), members(f"[{WORDLIKE}--{UNSPACED}]"), members(SIGN)
SIGN_RE = re.compile(f"[{SIGNS}]")
TOKEN_RE = re.compile(f"[{ALONE}][{MARKS}]*|[{IN_WORD}{MARKS}]+|[{SIGNS}]")
RAW_WORD_RE = re.compile(f"[{ALONE}][{MARKS}]*|[{IN_WORD}{MARKS}]+")
ASCII_WORD = re.compile(r"\w+", re.ASCII)
ASCII_SPACE = re.compile(r"[ \t\n\r\x0b\x0c]+")
LATIN, BEYOND = re.compile("[A-Za-z]+"), re.compile("[^\x00-\x7f]+")
LETTER = re.compile("[A-Za-z\u0080-\U0010ffff]")
REFUSAL, IDENTITY, SELF = python(phrases.REFUSAL), python(phrases.IDENTITY), python(phrases.SELF_REFERENCE)
SCAFFOLDING, AT_THE_ENDS = python(phrases.SCAFFOLDING), python(phrases.AT_THE_ENDS)
EXTRA_TURN, TURNS, LABEL = python(phrases.EXTRA_TURN), python(phrases.TURNS), python(phrases.LABEL_START)
CODE, STOP, BULLET = python(phrases.CODE), python(answers._STOP_WORDS), python(answers._BULLET)
KEYWORDS, PLACEHOLDER, IMAGE = python(prompts._KEYWORDS), python(prompts._PLACEHOLDER), python(prompts._IMAGE)
LETTERS_AND_DIGITS = members(r"[\p{L}\p{M}\p{N}]")
MERGED, ODD = python(prompts._MERGED), re.compile(rf"\s*[^\s{LETTERS_AND_DIGITS}]")
PROGRAM, FENCE, NINE = python(r"(?i)\s*write (?:a|another) program\b"), re.compile("`{3,}"), re.compile("[0-9]{9}")
DOTS, SPACES = re.compile(r"\.\.\.|…"), re.compile(r"\s+")


def normal(text: str) -> str:
    return SPACES.sub(" ", unicodedata.normalize("NFKC", text).lower()).strip()


def tokenised(text: str) -> list[str]:
    if text.isascii():
        return ASCII_WORD.findall(text.lower())
    return TOKEN_RE.findall(unicodedata.normalize("NFKC", SIGN_RE.sub(" ", text)).casefold())


def one_row(prompt: list[dict[str, str]], response: str, everything: bool = True) -> dict[str, Any]:
    """Compute the 22 measures of one row, or all, the way one writes it."""
    asked = "\n".join(message["content"] for message in prompt)
    said = response.strip()
    tokens = tokenised(response)
    stretches = [stretch for stretch in ASCII_SPACE.split(response) if stretch]
    code = "```" in said or len(CODE.findall(said)) >= 2
    latin = sum(map(len, LATIN.findall(response)))
    beyond = 0 if response.isascii() else sum(map(len, BEYOND.findall(response)))
    enough = min(len(stretches), len(tokens)) >= counts.PROSE and len(tokens) <= 3 * len(stretches)
    prose = enough and latin >= 4 * beyond and not code
    lines = [line for line in said.split("\n") if line and not line.isspace()]
    last = said[-400:].rsplit("\n", 1)[-1]
    head = said[:400].lower().replace("’", "'")
    identity = IDENTITY.search(said)
    name = next(filter(None, identity.groups()), "").lower() if identity else ""
    asked_last = prompt[-1]["content"]
    known, heard = normal(asked_last), ""
    alike = said[:1].lower() == asked_last.lstrip()[:1].lower()
    if alike and len(said) <= 2 * len(asked_last) + answers.ECHO_FROM:
        heard = normal(said)
    rest = len(heard) - len(known)
    echo = bool(heard) and (
        heard == known
        or (len(known) >= answers.ECHO_FROM and heard.startswith(known) and rest <= len(known) * answers.ECHO_REST)
    )
    long, listed = len(tokens) >= counts.LONG, len(lines) >= answers.LINES
    told = {
        "prompt_words": len((ASCII_WORD if asked.isascii() else RAW_WORD_RE).findall(asked)),
        "prompt_keyword": bool(KEYWORDS.search(asked.lower())),
        "prompt_odd_start": bool(ODD.match(asked)),
        "prompt_program": bool(PROGRAM.match(asked)),
        "prompt_placeholder": bool(PLACEHOLDER.search(asked) or IMAGE.search(asked)),
        "prompt_merged": bool(MERGED.search(asked)),
        "response_words": len(tokens),
        "mean_word_chars": sum(map(len, stretches)) / len(stretches) if prose else None,
        "alphabetic_words": sum(bool(LETTER.search(w)) for w in stretches) / len(stretches) if prose else None,
        "distinct_words": len(set(tokens)) / len(tokens) if long else None,
        "response_chars": len(said),
        "empty": not said,
        "code": code,
        "refusal": bool(REFUSAL.search(head)),
        "provider_identity": bool(identity) and name not in asked.lower(),
        "echo": echo,
        "truncated": len(FENCE.findall(said)) % 2 == 1,
        "unfinished": "#" not in last
        and len(last) >= 80
        and (last[-1:].isalpha() or last[-1:] in ",，、;")
        and len(tokens) >= answers.UNFINISHED
        and not code,
        "colon_end": said.endswith((":", "：")),
        "digit_run": bool(NINE.search(said)),
        "symbol_ratio": (said.count("#") + len(DOTS.findall(said))) / len(tokens) if prose else None,
        "stop_words": len(STOP.findall(said)) if prose else None,
        "bullet_lines": len(BULLET.findall(said)) / len(lines) if listed else None,
        "duplicate_lines": 1 - len(set(lines)) / len(lines) if listed and not code else None,
    }
    if not everything:
        return told
    grams = {tuple(tokens[at : at + counts.NGRAM]) for at in range(len(tokens) - counts.NGRAM + 1)}
    scaffolding = (SCAFFOLDING.search(said) and "`" not in said) or AT_THE_ENDS.search(said)
    return told | {
        "prompt_chars": len(asked),
        "repetition": 1 - len(grams) / (len(tokens) - counts.NGRAM + 1) if long else None,
        "self_reference": bool(SELF.search(said)),
        "scaffolding": bool(scaffolding) and not SCAFFOLDING.search(asked),
        "extra_turn": bool(EXTRA_TURN.search(said)) and not TURNS.search(asked.lower()),
        "label_start": bool(LABEL.search(said)),
        "pii": sorted({span.kind for span in pii.find(f"{asked}\n\n{response}")}),
    }


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    return time.perf_counter() - wall, time.process_time() - cpu, made


def read(file: Path, count: int) -> pl.DataFrame:
    """Read instruction, input, output and make prompt and response of them."""
    given = pl.read_parquet(file, columns=["instruction", "input", "output"]).head(count).fill_null("")
    both = pl.concat_str("instruction", "input", separator="\n\n")
    asked = pl.when(pl.col("input") == "").then("instruction").otherwise(both)
    turn = pl.struct(role=pl.lit("user"), content=asked)
    return given.select(id=pl.int_range(pl.len()).cast(pl.String), prompt=pl.concat_list(turn), response="output")


def differences(found: pl.DataFrame, rows: list[dict[str, Any]], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        pairs = zip(found[name].to_list(), (row[name] for row in rows), strict=True)
        wrong = [
            place
            for place, (one, other) in enumerate(pairs)
            if (abs(one - other) > 1.01e-4 if isinstance(one, float) and isinstance(other, float) else one != other)
        ]
        if wrong:
            at = wrong[0]
            yield f"  {name}: {len(wrong)} of {len(rows)} differ, first row {at}: {found[name][at]} {rows[at][name]}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality measures against a Python loop.")
    parser.add_argument("rows", type=int, nargs="?", default=50_000)
    parser.add_argument("--data", type=Path, help="parquet with instruction, input, output; made-up rows without")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loop", type=int, default=20_000, help="rows the loop runs over")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = args.data or Path(folder) / "rows.parquet"
        if args.data is None:
            corpus.write(args.rows, file)
        table = read(file, args.rows)
    size = table["response"].str.len_bytes().sum() / 1e6
    load = os.getloadavg()[0]
    print(f"{table.height:,} rows, {size:.0f} MB of responses, {os.cpu_count()} CPUs, load {load:.1f} at the start")
    part = table.sample(min(args.loop, table.height), seed=1)
    prompts_, responses = part["prompt"].to_list(), part["response"].to_list()
    all_names = tuple(name for name in ABOUT if name in one_row([{"content": ""}], ""))
    lazily(table.head(1000)).collect()  # imports, tables of characters
    scale = table.height / part.height
    for names in (MEASURES, all_names):
        everything, count = names is all_names, len(names)
        loops = [
            timed(
                lambda all=everything: [
                    one_row(asked, said, all) for asked, said in zip(prompts_, responses, strict=True)
                ]
            )
            for _ in range(max(1, args.rounds // 2))
        ]
        loop_wall, loop_cpu = min(one[0] for one in loops) * scale, min(one[1] for one in loops) * scale
        rows = loops[0][2]
        runs = [timed(lambda names=names: lazily(table).select("id", *names).collect()) for _ in range(args.rounds)]
        wall, cpu = min(one[0] for one in runs), min(one[1] for one in runs)
        print(
            f"{count} measures: pass {wall:.2f} s wall, {cpu:.2f} s CPU, {table.height / wall:,.0f} rows/s;"
            f" loop {loop_wall:.1f} s wall, {loop_cpu:.1f} CPU;"
            f" {loop_wall / wall:.1f}x wall, {loop_cpu / cpu:.1f}x CPU"
        )
        found = part.select("id").join(runs[0][2], on="id", how="left", maintain_order="left")
        wrong = list(differences(found, rows, names))
        print("\n".join(wrong) or f"  all agree on {part.height:,} rows")


if __name__ == "__main__":
    main()
