"""text-dedup: its MinHash command over two processes, clusters by union-find.

    .venv-peers/textdedup/bin/python tests/benchmarks/peers/textdedup_dedup.py ROWS.parquet REMOVED.txt

It deletes texts of fewer than five words before it looks at them unless told otherwise (`--min_length 1`, given here).
"""

import os
import tempfile
from pathlib import Path

from report import Clock, arguments, report, shards, texts


def main() -> None:
    args = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ.update(HF_HOME=str(folder / "hf"), HF_HUB_OFFLINE="1")
        shards(args.rows, folder / "rows", 1)
        import datasets
        from text_dedup import minhash

        options = {
            "path": "parquet",
            "data_files": str(folder / "rows" / "00000.parquet"),
            "split": "train",
            "cache_dir": str(folder / "cache"),
            "output": str(folder / "kept"),
            "column": "text",
            "threshold": "0.7",
            "num_perm": "128",
            "ngram": "5",
            "min_length": "1",
            "hash_func": "xxh3",
            "hash_bits": "32",
            "num_proc": "2",
        }
        clock = Clock()
        minhash.main([f"--{name}={value}" for name, value in options.items()], standalone_mode=False)
        took = clock.read()
        kept = set(map(int, datasets.load_from_disk(str(folder / "kept"))["id"]))
    rows = len(texts(args.rows))
    report("text-dedup", "text-dedup", rows, set(range(rows)) - kept, args.removed, took)


if __name__ == "__main__":
    main()
