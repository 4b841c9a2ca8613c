"""Where the work on shards is done: here, in processes of this machine, or on a Ray cluster.

    with processes(4) as spread:
        for made in spread(function, shards): ...       function(shard) of every shard, in order

A function given to it takes a frame, returns a frame, and is known by its module's name (or a `partial` of one that
is), so that it can be sent away. What comes out does not depend on where it was made or by how many.
"""

from __future__ import annotations

import itertools
import logging
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from builder.errors import BuilderError, InputError, Problem

if TYPE_CHECKING:
    from concurrent.futures import Future

    import polars as pl
    import pyarrow as pa

    Function = Callable[[pl.DataFrame], pl.DataFrame]

Spread = Callable[["Function", Iterable["pl.DataFrame"]], Iterator["pl.DataFrame"]]

_RAY_WINDOW = 64
"""Shards handed to Ray at once: what is not worked on yet lies in its object store."""
_NUMBER, _FAILED = "__shard__", "__failed__"


def here(function: Function, shards: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Work in this process."""
    return map(function, shards)


@contextmanager
def processes(count: int) -> Iterator[Spread]:
    """Work in so many processes of this machine; each takes a second to start and holds a shard at a time."""
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    with ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_alone) as pool:

        def spread(function: Function, shards: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
            ahead: deque[Future[pl.DataFrame]] = deque()
            try:
                for shard in shards:
                    ahead.append(pool.submit(function, shard))
                    if len(ahead) > count:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            except BrokenProcessPool:
                what = "a worker process died (out of memory?); fewer --workers need less"
                raise BuilderError(f"the build stopped: {what}. Run the same command to go on") from None
            finally:
                for future in ahead:
                    future.cancel()

        yield spread


@contextmanager
def ray_data(address: str) -> Iterator[Spread]:
    """Work on a Ray cluster by Ray Data: `local` starts one on this machine, `auto` or ray://… joins one.

    Every node needs this package in the same version; shards travel through Ray's object store, no shared disk is
    needed.

    Raises:
        InputError: Ray is not installed, or no such cluster answers.
    """
    try:
        import ray
    except ImportError:
        fix = "pip install 'instruct-builder[ray]'"
        raise InputError([Problem(what="--ray: Ray is not installed", fix=fix)]) from None
    ours = not ray.is_initialized()
    try:
        if ours:
            ray.init(address=None if address == "local" else address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        what = f"--ray: no cluster at {address!r}: {str(error).splitlines()[0]}"
        raise InputError([Problem(what=what, fix="use local, auto, or ray://host:10001")]) from None
    try:
        yield _by_ray
    finally:
        if ours:
            ray.shutdown()


def _by_ray(function: Function, shards: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    import polars as pl
    import ray.data
    import ray.exceptions

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it tells of every plan it makes
    settings = ray.data.DataContext.get_current()
    settings.execution_options.preserve_order = True
    settings.enable_progress_bars = False
    numbered = enumerate(shards)
    while window := list(itertools.islice(numbered, _RAY_WINDOW)):
        filled = [shard.with_columns(pl.lit(number).alias(_NUMBER)) for number, shard in window if shard.height]
        made: dict[int, list[pl.DataFrame]] = {}
        if filled:
            work = ray.data.from_arrow([shard.to_arrow() for shard in filled]).map_batches(
                partial(_one, function), batch_format="pyarrow", batch_size=None, zero_copy_batch=True
            )
            try:
                for batch in work.iter_batches(batch_format="pyarrow", batch_size=None):
                    frame = pl.from_arrow(batch)
                    assert isinstance(frame, pl.DataFrame)
                    if _FAILED in frame.columns:
                        raise pickle.loads(frame[_FAILED][0])
                    made.setdefault(frame[_NUMBER][0], []).append(frame.drop(_NUMBER))
            except ray.exceptions.RayError as error:
                what = str(error).strip().splitlines()[0]
                raise BuilderError(f"Ray stopped: {what}. Run the same command to go on") from None
        for number, shard in window:
            yield pl.concat(made.pop(number)) if shard.height else function(shard)


def _one(function: Function, table: pa.Table) -> pa.Table:
    """Do one shard's work on a node. Ray may have put several shards into one batch.

    An error of ours comes back as data: of one that is raised Ray keeps the text alone.
    """
    import polars as pl

    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    try:
        made = [
            function(shard.drop(_NUMBER)).with_columns(pl.lit(shard[_NUMBER][0]).alias(_NUMBER))
            for shard in frame.partition_by(_NUMBER, maintain_order=True)
        ]
    except BuilderError as error:
        return pl.DataFrame({_FAILED: [pickle.dumps(error)]}).to_arrow()
    return pl.concat(made).to_arrow()


def _alone(environment: Any = os.environ) -> None:
    """Let each process use one core: there are as many of them as are wanted."""
    environment["POLARS_MAX_THREADS"] = "1"
