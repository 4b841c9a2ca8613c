"""Decontamination side by side with a plain Python loop, on the same rows in one run: CPU, rows/s, same decisions.

    python tests/benchmarks/decontamination.py                                    made-up rows and benchmark
    python tests/benchmarks/decontamination.py --data ROWS.parquet --benchmark gsm8k.jsonl --rows 50000

The loop holds the n-grams of the benchmark as tuples in a dict and walks over every row's tokens: from text, as the
step does, with the tokens cut by polars. `any 13-gram` looks for those alone, the other does all that the step does.
ROWS.parquet has columns instruction, input, output.
"""

import argparse
import json
import random
import tempfile
import time
import unicodedata
from pathlib import Path

import polars as pl

from builder import rows
from builder.config import DecontaminateConfig
from builder.contamination import against, benchmarks
from builder.context import Context
from builder.steps.decontaminate import decontaminate
from builder.text import tokens

LONG, SHORT, COVERAGE, COMMON = 13, 8, 0.5, 10


def timed(name, count, work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:44} {wall:7.2f} s  {cpu:7.2f} CPU-s  {count / cpu:9,.0f} rows/CPU-s")
    return result, cpu


def made_up(count, folder, seed=0):
    """Rows of about 1 kB and a benchmark of 2,000 questions; every hundredth row has one of them, whole or in part."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(30_000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]

    def text(low, high):
        said = draw.choices(words, weights, k=draw.randint(low, high))
        return ". ".join(" ".join(said[at : at + 12]) for at in range(0, len(said), 12)) + "."

    asked = [{"question": text(20, 80), "answer": text(20, 90)} for _ in range(2000)]
    (folder / "benchmark.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked))
    made = []
    for number in range(count):
        prompt = text(20, 90)
        if number % 100 == 0:
            leak = draw.choice(asked)["question"].split()
            prompt += " " + " ".join(leak[: draw.randint(6, len(leak))])
        made.append((prompt, text(20, 220)))
    return pl.DataFrame(made, ["prompt", "response"], orient="row"), folder / "benchmark.jsonl"


def real(file, count):
    given = pl.read_parquet(file, columns=["instruction", "input", "output"]).head(count)
    asked = pl.concat_str("instruction", "input", separator="\n\n", ignore_nulls=True)
    return given.select(prompt=asked, response=pl.col("output"))


def table_of(given):
    made = []
    for number, (prompt, response) in enumerate(given.iter_rows()):
        said = [{"role": "user", "content": prompt}]
        own = f"r{number}"
        made.append({"id": own, "seed_id": own, "prompt_id": own, "prompt": said, "response": response})
    return rows.frame(made)


def cut(texts):
    normal = [unicodedata.normalize("NFKC", text or "").casefold() for text in texts]
    return pl.DataFrame({"text": normal}).select(tokens(pl.col("text"))).to_series().to_list()


def grams(said, size):
    return zip(*(said[start:] for start in range(size)), strict=False)


def indexed(texts, size):
    """Return gram -> the texts that have it, for those that few have."""
    found = {}
    for number, said in enumerate(texts):
        for gram in set(grams(said, size)):
            found.setdefault(gram, []).append(number)
    return {gram: holders for gram, holders in found.items() if len(holders) <= COMMON and telling(gram)}


def telling(gram):
    """Say whether at least half of it are different words."""
    return 2 * len({token for token in gram if token[0].isalnum() or token[0] == "_"}) >= len(gram)


def any_hit(given, texts):
    known = set(indexed(texts, LONG))
    flagged = set()
    for side in given.columns:
        for row, said in enumerate(cut(given[side])):
            if any(gram in known for gram in grams(said, LONG)):
                flagged.add(row)
    return flagged


def everything(given, texts):
    """Do what the step does, text by text."""
    long, short = indexed(texts, LONG), indexed(texts, SHORT)
    places = {}  # of each gram in each text
    own = []
    for number, said in enumerate(texts):
        mine = set()
        for at, gram in enumerate(grams(said, SHORT)):
            if gram in short:
                places.setdefault((gram, number), []).append(at)
                mine.update(range(at, at + SHORT))
        own.append(len(mine))
    flagged = set()
    for side in given.columns:
        for row, said in enumerate(cut(given[side])):
            if any(gram in long for gram in grams(said, LONG)):
                flagged.add(row)
                continue
            covered = {}
            for gram in grams(said, SHORT):
                for number in short.get(gram, ()):
                    for at in places[gram, number]:
                        covered.setdefault(number, set()).update(range(at, at + SHORT))
            for number, met in covered.items():
                if len(met) >= COVERAGE * own[number] and len(met) >= min(LONG, own[number]):
                    flagged.add(row)
    return flagged


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path)
    options.add_argument("--benchmark", type=Path)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=2)
    chosen = options.parse_args()
    if (chosen.data is None) != (chosen.benchmark is None):
        options.error("--data and --benchmark go together")
    with tempfile.TemporaryDirectory() as folder:
        if chosen.data is None:
            given, file = made_up(chosen.rows, Path(folder))
        else:
            given, file = real(chosen.data, chosen.rows), chosen.benchmark.resolve()
        table = table_of(given)
        config = DecontaminateConfig(against=[str(file)])
        size = given.select(pl.sum_horizontal(pl.all().str.len_chars().sum())).item()
        print(f"{table.height:,} rows, {size / 1e6:.0f} M characters, benchmark {file.name}")
        read = benchmarks.read(config.against, file.parent)
        texts = [text for one in read for text in one.texts]
        texts = [said for said in cut([text.text for text in texts]) if len(said) >= SHORT]
        texts = [list(said) for said in dict.fromkeys(map(tuple, texts))]
        context = Context(seed=0, base=file.parent, ledger=None)
        for _ in range(chosen.rounds):
            against._cached.cache_clear()
            benchmarks._cached.cache_clear()
            compare(given, table, texts, lambda: decontaminate(table, config, context))


def compare(given, table, texts, step):
    count = table.height
    first, cold = timed("decontaminate, from nothing", count, step)
    _, warm = timed("decontaminate, benchmark indexed before", count, step)
    loop, easy = timed("Python loop, any 13-gram", count, lambda: any_hit(given, texts))
    whole, full = timed("Python loop, 13-grams and coverage", count, lambda: everything(given, texts))
    print(f"  against the loop that does the same: {full / cold:.1f}x, {full / warm:.1f}x with the benchmark indexed")
    print(f"  against the loop for 13-grams alone: {easy / cold:.1f}x, {easy / warm:.1f}x with the benchmark indexed")
    flagged = set(first.with_row_index("row").filter(pl.col("dropped").is_not_null())["row"].to_list())
    differ = len(flagged ^ whole)
    print(f"  {len(flagged):,} rows flagged, {len(loop):,} by 13-grams alone; step and loop differ in {differ}")


if __name__ == "__main__":
    main()
