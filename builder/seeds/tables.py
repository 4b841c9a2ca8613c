"""Read seeds that are tables already: parquet, a folder saved by `datasets`, a dataset on the Hub.

Only columns with a name that is known or mapped are read: an image or an embedding beside them costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.config import SeedConfig
from builder.seeds.lines import Line, refusal
from builder.seeds.shapes import KNOWN

if TYPE_CHECKING:
    import datasets

_BUFFER = 2**20


def parquet(path: Path, config: SeedConfig) -> Iterator[Line]:
    """Read the rows of a parquet file, some at a time.

    Raises:
        InputError: it is no parquet, or has none of the columns it needs.
    """
    import pyarrow.parquet

    number = 0
    try:
        # by default arrow reads whole groups ahead and lets none go before the end: the whole file
        with pyarrow.parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            columns = _columns(path, file.schema_arrow.names, config)
            for batch in file.iter_batches(batch_size=1000, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    yield Line(number, row)
    except (pyarrow.lib.ArrowException, OSError, ValueError) as error:
        raise refusal(path, f"not readable as parquet: {_first_line(error)}") from error


def saved(path: Path, config: SeedConfig) -> Iterator[Line]:
    """Read a folder that `save_to_disk` wrote; of a DatasetDict, the split the config names.

    Raises:
        InputError: no such dataset there, no such split, or none of the columns it needs.
    """
    import datasets

    try:
        found = datasets.load_from_disk(str(path))
    except Exception as error:  # datasets raises whatever its readers raise
        what = f"a folder that is no saved dataset: {_first_line(error)}"
        raise refusal(path, what, "name a file in it, or write it with save_to_disk") from error
    if isinstance(found, datasets.DatasetDict):
        if config.split not in found:
            raise refusal(path, f"no split {config.split!r}; found {', '.join(found) or 'none'}", "set split")
        found = found[config.split]
    return _dataset(path, found, config)


def hub(config: SeedConfig) -> Iterator[Line]:
    """Load a dataset through `datasets.load_dataset`.

    Raises:
        InputError: it cannot be loaded, with what `datasets` says, or it has none of the columns it needs.
    """
    import datasets

    name = str(config.dataset)
    try:
        found = datasets.load_dataset(name, config.config, split=config.split, revision=config.revision)
    except Exception as error:  # datasets raises whatever its builders and the network raise
        raise refusal(name, f"could not be loaded: {type(error).__name__}: {_first_line(error)}") from error
    return _dataset(name, found, config)


def _dataset(place: str | Path, found: datasets.Dataset, config: SeedConfig) -> Iterator[Line]:
    columns = _columns(place, found.column_names, config)
    try:
        for number, row in enumerate(found.with_format(None).select_columns(columns), 1):
            yield Line(number, row)
    except Exception as error:  # as above
        raise refusal(place, f"cannot be read: {type(error).__name__}: {_first_line(error)}") from error


def _columns(place: str | Path, found: Sequence[str], config: SeedConfig) -> list[str]:
    mapped = list(config.fields.values())
    there = ", ".join(found) or "none"
    if missing := [name for name in mapped if name not in found]:
        raise refusal(place, f"`fields` maps {', '.join(missing)}, which no row has; found the columns {there}")
    columns = [name for name in found if name in KNOWN or name in mapped]
    if not columns:
        raise refusal(place, f"no known shape: found the columns {there}", "map: fields: {instruction: yours}")
    return columns


def _first_line(error: Any) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
