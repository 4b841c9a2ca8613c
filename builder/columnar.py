r"""What `builder.rows` makes of one row, made of many at once: canonical JSON and ids, the same to the byte.

    texts(pl.Series(["a\n", None]))                    ['"a\\n"', None]
    objects(pl.DataFrame({"b": [1, None], "a": "x"}))  ['{"a":"x","b":1}', '{"a":"x"}']
    ids(pl.Series(['["seed",…]']))                     ["b2:5d0c…"]

Strings, numbers, booleans, lists and structs of them are written by polars; all else value by value.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from builder.rows import canonical_json, normalised

if TYPE_CHECKING:
    import polars as pl


def objects(frame: pl.DataFrame, written: pl.DataFrame | None = None) -> pl.Series:
    """Write each row as an object, keys in order; a field that is null is left out.

    Args:
        frame: the fields.
        written: fields beside those, of the same rows, that are JSON text already.
    """
    fields = {name: texts(frame[name]) for name in frame.columns}
    fields |= {} if written is None else {name: written[name] for name in written.columns}
    return _object(frame, dict(sorted(fields.items())))


def texts(column: pl.Series) -> pl.Series:
    """Write each value; null stays null, within lists and structs it becomes `null`.

    Raises:
        ValueError: a number that JSON has not (NaN, infinity).
        TypeError: a value that JSON has not (a date).
    """
    import polars as pl

    kind = column.dtype
    if kind == pl.String:
        return _strings(column)
    if kind.is_integer():
        return column.cast(pl.String)
    if kind == pl.Boolean:
        return pl.select(pl.when(column).then(pl.lit("true")).when(~column).then(pl.lit("false"))).to_series()
    if isinstance(kind, pl.List):
        return _lists(column)
    if isinstance(kind, pl.Struct):
        fields = column.struct.unnest()
        whole = _object(fields, {name: texts(fields[name]).fill_null("null") for name in sorted(fields.columns)})
        return pl.select(pl.when(column.is_not_null()).then(whole)).to_series()
    present = column.drop_nulls().to_list()
    if kind.is_float():
        written = canonical_json(present)[1:-1].split(",") if present else []
    else:
        written = [canonical_json(value) for value in present]
    return pl.repeat(None, len(column), dtype=pl.String, eager=True).scatter(column.is_not_null().arg_true(), written)


def ids(written: pl.Series) -> pl.Series:
    """Return the `content_id` of each list of parts, which is given as canonical JSON."""
    import polars as pl

    digests = (hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in written)
    return pl.Series([f"b2:{digest}" for digest in digests], dtype=pl.String)


def prompt_ids(prompts: pl.Series) -> pl.Series:
    """Return the `prompt_id` of each list of messages."""
    import polars as pl

    turns = pl.DataFrame({"prompt": prompts}).with_row_index("row").filter(pl.col("prompt").list.len() > 0)
    turns = turns.explode("prompt").unnest("prompt")
    normal = pl.Series("content", [normalised(text) for text in turns["content"]], pl.String)
    said = pl.concat_str(pl.lit("["), texts(turns["role"]), pl.lit(","), texts(normal), pl.lit("]"))
    joined = turns.select("row", said=said).group_by("row", maintain_order=True).agg(pl.col("said").str.join(","))
    whole = pl.DataFrame({"row": pl.int_range(len(prompts), dtype=pl.UInt32, eager=True)})
    text = pl.concat_str(pl.lit('["prompt",['), pl.col("said").fill_null(""), pl.lit("]]"))
    return ids(whole.join(joined, on="row", how="left", maintain_order="left").select(text).to_series())


def requests(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the `same_request` of each row, as two 64-bit hashes of it: columns request and request_2."""
    import polars as pl

    parts = [pl.lit(texts(rows["prompt"])), pl.lit(texts(rows["checks"])).fill_null("null")]
    request = pl.concat_str(parts, separator=",")
    return rows.select(request=request.hash(1), request_2=request.hash(2))


def _object(frame: pl.DataFrame, written: dict[str, pl.Series]) -> pl.Series:
    import polars as pl

    pieces = [pl.lit(f"{canonical_json(name)}:") + pl.lit(value) for name, value in written.items()]
    if not pieces:
        return pl.Series(["{}"] * frame.height, dtype=pl.String)
    inner = pl.concat_str(pieces, separator=",", ignore_nulls=True)
    return pl.select(pl.concat_str(pl.lit("{"), inner, pl.lit("}"))).to_series()


def _strings(column: pl.Series) -> pl.Series:
    """Let polars write objects of one field and take the frame away: many times as fast as any replacing here."""
    import polars as pl

    written = pl.select(pl.struct(a=column).struct.json_encode().str.strip_prefix('{"a":').str.strip_suffix("}"))
    return written.select(pl.when(column.is_not_null()).then(pl.first())).to_series()


def _lists(column: pl.Series) -> pl.Series:
    import polars as pl

    rows = pl.DataFrame({"list": column}).with_row_index("row")
    flat = rows.filter(pl.col("list").list.len() > 0).explode("list")
    flat = flat.with_columns(text=texts(flat["list"]).fill_null("null"))
    joined = flat.group_by("row", maintain_order=True).agg(pl.col("text").str.join(","))
    text = pl.concat_str(pl.lit("["), pl.col("text").fill_null(""), pl.lit("]"))
    whole = rows.join(joined, on="row", how="left", maintain_order="left")
    return whole.select(pl.when(pl.col("list").is_not_null()).then(text)).to_series()
