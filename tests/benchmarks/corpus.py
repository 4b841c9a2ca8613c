"""Corpora for the benchmarks: made-up or real rows, with planted near-duplicates of known Jaccard.

    python tests/benchmarks/corpus.py 1000000 rows.parquet
    python tests/benchmarks/corpus.py 200000 rows.parquet --data real.parquet --planted 0.1 --evals evals.parquet

Columns: id, instruction, input, output; for planted rows `twin`, the number of the row they were copied from, always
an earlier one, and `jaccard`, exact, of the sets of word 5-grams of instruction, input and output one a line; null for
the others. Only rows of plain letters, digits and punctuation marks are copied, so that what counts as a word is no
question. Copies have words replaced, deleted, inserted, sentences swapped; their Jaccard is even from 0.5 to 1.

Made-up rows are about 1 kB in the mean, 700 B in the median, of Zipf's words, some templated, some code, some of six
other scripts, one in fifty an exact copy. With `--data` real rows come first, shuffled, then windows of 50 to 110 words
cut from long real answers; when these are used up, windows are patched from two answers. The same seed, the same rows.
`--evals` writes texts to decontaminate against: half of them windows of rows (`row` says of which), half made up.
"""

import argparse
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from peers.words import jaccard, shingles

Row = tuple[str, str, str]
BATCH = 2_000
PART = 250_000
POOL = 20_000
"""Rows that wait to be copied: bounds the memory."""
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \n.,;:!?'\"()")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("id", "instruction", "input", "output")]
    + [("twin", pa.int64()), ("jaccard", pa.float64())]
)


MADE = yaml.safe_load(Path(__file__).with_name("corpus_words.yaml").read_text())


def _script(space: str, stop: str, words: str) -> tuple[str, str, list[str]]:
    """Return a script's space, stop and words. Those of a script without spaces are made of its characters, thousands.

    Where a token is a character, a few dozen words would make every row near every other.
    """
    if space:
        return space, stop, words.split()
    rng = random.Random(1)
    return space, stop, ["".join(rng.choices(words.replace(" ", ""), k=rng.randrange(2, 6))) for _ in range(8_000)]


SCRIPTS = [_script(each["space"], each["stop"], each["words"]) for each in MADE["scripts"].values()]


class Vocabulary:
    """Words by Zipf's law, with what follows each: a space, a comma, the end of a sentence or of a paragraph."""

    def __init__(self) -> None:
        rare = list(map("".join, product(*(MADE[part].split() for part in ("prefixes", "stems", "suffixes")))))
        random.Random(1).shuffle(rare)
        words = MADE["common"].split() + rare
        chance = 1 / (np.arange(len(words)) + 2.7) ** 1.05
        # a table of 2**20 places instead of a search in the distribution for each word drawn
        places = np.searchsorted(np.cumsum(chance / chance.sum()), (np.arange(1 << 20) + 0.5) / (1 << 20))
        self.places = np.minimum(places, len(words) - 1)
        self.count = len(words)
        forms = [[word + end for word in words] for end in (" ", ", ", ". ", "? ", ".\n")]
        self.forms = np.array(sum(forms, [word.capitalize() + " " for word in words]), dtype=object)

    def prose(self, draw: np.random.Generator, length: int) -> list[str]:
        """Return running text of `length` words, each with what follows it."""
        ends = draw.random(length) < 1 / 14
        form = np.where(draw.random(length) < 0.06, 2, 1)
        form[ends] = draw.choice([3, 4, 5], ends.sum(), p=[0.82, 0.08, 0.1])
        starts = np.roll(ends, 1) & ~ends
        form[starts] = 0
        return self.forms[self.places[draw.integers(0, 1 << 20, length)] + form * self.count].tolist()


def made_up(seed: int) -> Iterator[list[Row]]:
    """Yield batches of made-up rows, without end."""
    vocabulary = Vocabulary()
    number = 0
    while True:
        draw = np.random.default_rng([seed, number])
        number += 1
        kinds = draw.choice(5, BATCH, p=[0.66, 0.14, 0.06, 0.11, 0.03]).tolist()
        asked = draw.integers(6, 30, BATCH).tolist()
        given = np.where(draw.random(BATCH) < 0.3, draw.integers(10, 80, BATCH), 0).tolist()
        told = np.clip(draw.lognormal(np.log(58), 1.1, BATCH), 4, 2_000).astype(int).tolist()
        text = vocabulary.prose(draw, sum(asked) + sum(given) + sum(told))
        rng = random.Random(int(draw.integers(1 << 62)))
        rows: list[Row] = []
        at = 0
        for kind, *lengths in zip(kinds, asked, given, told, strict=True):
            parts = []
            for length in lengths:
                parts.append("".join(text[at : at + length]).strip())
                at += length
            if rng.random() < 0.02 and rows:
                rows.append(rng.choice(rows))
            else:
                rows.append(_made_row(kind, parts, rng))
        yield rows


def _made_row(kind: int, parts: list[str], rng: random.Random) -> Row:
    asked, given, told = parts
    asked = asked[:1].upper() + asked[1:].rstrip(".,?") + "."
    told = told[:1].upper() + told[1:].rstrip(",.?") + "."
    if kind == 1:
        said = told if len(told) < 600 else told[:600].rsplit(" ", 1)[0]
        return rng.choice(MADE["templates"]), asked + " " + said, rng.choice(MADE["answers"])
    if kind == 2:
        names = dict(
            zip("abcdef", (word.lower() for word in re.findall(r"\w+", told + " x1 x2 x3 x4 x5 x6")), strict=False)
        )
        code = MADE["code"].format(**names, n=rng.randrange(2, 99), m=rng.randrange(9), k=rng.randrange(3, 500))
        return "Write a function. " + asked, given, code + "\n\n" + told[:200]
    if kind == 3:
        script = rng.choice(SCRIPTS)
        return _scripted(asked, *script, rng), "", _scripted(told, *script, rng)
    if kind == 4:
        return asked, given, rng.choice(MADE["answers"])
    return asked, given, told


def _scripted(like: str, space: str, stop: str, words: list[str], rng: random.Random) -> str:
    """Make sentences of another script, of as many words as a text has."""
    left = like.count(" ") + 1
    said = []
    while left > 0:
        length = min(left, rng.randrange(6, 18))
        said.append(space.join(rng.choices(words, k=length)) + stop)
        left -= length
    return space.join(said).strip()


def windows(answers: list[str], seed: int) -> Iterator[list[Row]]:
    """Yield batches of windows cut from long answers, without end: one after the other, then patched from two."""
    rng = random.Random(seed)
    texts = [words for words in map(str.split, answers) if len(words) >= 60]
    if len(texts) < 2:
        raise SystemExit(f"--data has {len(texts)} answers of 60 words or more to cut windows from; needed: 2")

    def cut() -> Iterator[list[str]]:
        rng.shuffle(texts)
        for words in texts:
            at = 0
            while len(words) - at >= 50:
                length = rng.randrange(50, 111)
                yield words[at : at + length]
                at += length
        while True:
            patch = []
            for words in rng.sample(texts, 2):
                length = rng.randrange(25, 56)
                at = rng.randrange(len(words) - length + 1)
                patch += words[at : at + length]
            yield patch

    rows: list[Row] = []
    for window in cut():
        rows.append((" ".join(window[:12]), "", " ".join(window[12:])))
        if len(rows) == BATCH:
            yield rows
            rows = []


def edited(row: Row, target: float, others: list[tuple[int, Row]], rng: random.Random) -> tuple[Row, float]:
    """Copy a row so that its Jaccard with the copy comes near the target; return the copy and what it is exactly."""
    before = shingles("\n".join(row))
    fields = [re.findall(r"\s*\S+", field) for field in row]
    if target >= 1:  # the same words, written otherwise
        said = [field.upper() if rng.random() < 0.5 else field.replace(",", " ;").replace(". ", "!  ") for field in row]
        return (said[0], said[1], said[2] + " !"), jaccard(before, shingles("\n".join(said)))
    lost = len(before) * (1 - target) / (1 + target)
    best: tuple[float, Row, float] | None = None
    for _ in range(20):
        for _ in range(max(1, int(lost / 9))):
            _edit(fields, others, rng, lost)
        copy = tuple("".join(field).strip() for field in fields)
        alike = jaccard(before, shingles("\n".join(copy)))
        if best is None or abs(alike - target) < best[0]:
            best = abs(alike - target), copy, alike
        if alike <= target + 0.01:
            break
        lost = (alike - target) * len(before) * 2 / (1 + target) ** 2
    return best[1], best[2]


def _edit(fields: list[list[str]], others: list[tuple[int, Row]], rng: random.Random, lost: float) -> None:
    """Change one place; a change of many words only where so many shingles may still be lost."""
    field = rng.choices(fields, [len(words) for words in fields])[0]
    at = rng.randrange(len(field))
    if lost < 5:  # near an end of the text fewer shingles have the word
        near = rng.randrange(max(1, int(lost)))
        field, at = rng.choice([(fields[0], near), (fields[-1], len(fields[-1]) - 1 - near)])
        at = min(max(at, 0), len(field) - 1)
    run = rng.choice([1, 1, 2, 4, 7]) if lost > 12 else 1
    kind = rng.randrange(8)
    ends = [number for number, word in enumerate(field) if word[-1] in ".?!"] if kind == 7 and lost > 15 else []
    if len(ends) >= 3:
        first = rng.randrange(len(ends) - 2)
        a, b, c = (end + 1 for end in ends[first : first + 3])
        field[a:c] = field[b:c] + field[a:b]
    elif kind < 2 and len(field) > run + 1:
        del field[at : at + run]
    else:
        words = rng.choice(others)[1][2].split() or ["indeed"]
        start = rng.randrange(len(words))
        field[at : at + (0 if kind == 2 else run)] = [" " + word for word in words[start : start + run]]


def _fresh(batches: Iterator[list[Row]]) -> Iterator[Row]:
    for batch in batches:
        yield from batch


def rows(count: int, seed: int, share: float, data: Path | None) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a corpus: number, three fields, twin, jaccard."""
    rng = random.Random(seed)
    planted = round(count * share)
    if data is None:
        start = min(BATCH, count // 10)
        fresh = _fresh(made_up(seed))
    else:
        table = pq.read_table(data, columns=["instruction", "input", "output"]).to_pylist()
        real = [(row["instruction"], row["input"] or "", row["output"]) for row in table]
        random.Random(seed).shuffle(real)
        start = min(len(real), count - planted)
        fresh = _chain(real[:start], _fresh(windows([row[2] for row in real], seed)))
    pool: list[tuple[int, Row]] = []
    span = max(1, count - start)
    for number in range(count):
        since = number - start
        if since >= 0 and planted * (since + 1) // span > planted * since // span:
            if len(pool) < 2:
                raise SystemExit(
                    f"row {number}: {len(pool)} rows before it that can be copied, of plain words; needed: 2"
                )
            place = rng.randrange(len(pool))
            # a row is copied a second time only where there are too few of them
            twin, row = pool.pop(place) if len(pool) > planted * (span - since) / span else pool[place]
            target = 1.0 if rng.random() < 0.04 else rng.uniform(0.5, 1)
            copy, alike = edited(row, target, pool, rng)
            yield number, *copy, twin, alike
            continue
        row = next(fresh)
        yield number, *row, None, None
        if len(pool) < POOL:
            if _copyable(row):
                pool.append((number, row))
        elif rng.random() < 2 * share and _copyable(row):
            pool[rng.randrange(POOL)] = (number, row)


def _chain(first: list[Row], then: Iterator[Row]) -> Iterator[Row]:
    yield from first
    yield from then


def _copyable(row: Row) -> bool:
    """Tell whether a row is plain, has the words for any Jaccard, and not so many that copying takes long."""
    text = "\n".join(row)
    return 250 < len(text) < 3_000 and text.isascii() and PLAIN.issuperset(text) and text.count(" ") > 45


def write(count: int, out: Path, *, seed: int = 1, planted: float = 0.1, data: Path | None = None) -> None:
    """Write a corpus to a parquet file; a long made-up one by parts, in two processes."""
    if data is not None or count <= PART:
        return _write_part(out, count, seed, planted, data, 0)
    with tempfile.TemporaryDirectory(dir=out.parent) as folder, ProcessPoolExecutor(2) as pool:
        firsts = range(0, count, PART)
        parts = [Path(folder) / f"{first}.parquet" for first in firsts]
        counts = [min(PART, count - first) for first in firsts]
        seeds = [seed + 7_919 * number for number in range(len(parts))]
        done = pool.map(_write_part, parts, counts, seeds, repeat(planted), repeat(data), firsts)
        with pq.ParquetWriter(out, SCHEMA) as writer:
            for part, _ in zip(parts, done, strict=True):
                for group in range((file := pq.ParquetFile(part)).num_row_groups):
                    writer.write_table(file.read_row_group(group))
                part.unlink()


def _write_part(out: Path, count: int, seed: int, planted: float, data: Path | None, first: int) -> None:
    """Write the rows of one seed, numbered from `first`."""
    with pq.ParquetWriter(out, SCHEMA) as writer:
        some: list[tuple[Any, ...]] = []
        for number, asked, given, told, twin, alike in rows(count, seed, planted, data):
            some.append((f"{first + number:08d}", asked, given, told, None if twin is None else first + twin, alike))
            if len(some) == 10 * BATCH or number == count - 1:
                writer.write_table(pa.table([list(column) for column in zip(*some, strict=True)], schema=SCHEMA))
                some = []


def write_evals(corpus: Path, out: Path, count: int = 2_800, seed: int = 1) -> None:
    """Write texts of 20 to 60 words: half cut from rows of a corpus, half from no row."""
    rng = random.Random(seed)
    found: list[tuple[str, int | None]] = []
    file = pq.ParquetFile(corpus)
    every = max(1, file.metadata.num_rows // count)
    first = 0
    for batch in file.iter_batches(10_000, columns=["output"]):
        for number, text in enumerate(batch.column(0).to_pylist(), first):
            words = text.split()
            if number % every == 0 and len(words) >= 40 and len(found) < count // 2:
                length = rng.randrange(20, min(60, len(words)))
                at = rng.randrange(len(words) - length)
                found.append((" ".join(words[at : at + length]), number))
        first += len(batch)
    prose = _fresh(made_up(seed + 1_000_000))
    while len(found) < count:
        words = next(prose)[2].split()
        if len(words) >= 20:
            found.append((" ".join(words[:60]), None))
    pq.write_table(
        pa.table({"text": [text for text, _ in found], "row": pa.array([r for _, r in found], pa.int64())}), out
    )


def show(out: Path) -> None:
    """Print what a corpus has in it."""
    table = pq.read_table(out, columns=["output", "jaccard"])
    alike = [value for value in table["jaccard"].to_pylist() if value is not None]
    spread = Counter(min(int(value * 20 + 1e-9), 20) / 20 for value in alike)
    print(f"{table.num_rows:,} rows, {len(alike):,} planted; by Jaccard:")
    print("  " + "  ".join(f"{low:.2f}: {spread[low]}" for low in sorted(spread)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make a corpus for the benchmarks.")
    parser.add_argument("rows", type=int, nargs="?", default=20_000)
    parser.add_argument("out", type=Path, nargs="?", help="parquet file; without it, one that is looked at and gone")
    parser.add_argument("--data", type=Path, help="real rows: parquet with instruction, input, output")
    parser.add_argument("--planted", type=float, default=0.1, help="share of planted near-duplicates")
    parser.add_argument("--evals", type=Path, help="parquet file for texts to decontaminate against")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = args.out or Path(folder) / "rows.parquet"
        start = time.perf_counter()
        write(args.rows, out, seed=args.seed, planted=args.planted, data=args.data)
        took = time.perf_counter() - start
        if args.evals:
            write_evals(out, args.evals)
        print(f"{args.rows / took:,.0f} rows/s, {out.stat().st_size / args.rows:,.0f} bytes a row on disk")
        show(out)


if __name__ == "__main__":
    main()
