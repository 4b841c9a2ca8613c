"""report.html: the page to look at before trusting a dataset. One file; it loads nothing and runs nothing.

Rows are hostile input: the template escapes every text, control characters are shown as signs, long texts are
folded. The same build gives the same page.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import assets
from builder.pages import dataset
from builder.pages.claims import claims, teachers
from builder.pages.readable import Fold, Span, difference, fold, spaces, visible

if TYPE_CHECKING:
    import polars as pl
    from jinja2 import Template

Manifest = dict[str, Any]

_ROWS = 10
_REJECTS_PER_REASON = 3
_REASONS = 20
_BINS = 24


def write(folder: Path) -> None:
    """Write report.html into the folder of a build."""
    (folder / "report.html").write_text(render(dataset.manifest(folder), folder), encoding="utf-8")


@cache
def template() -> Template:
    """Compile the page's template: a tenth of a second, once."""
    from jinja2 import Environment, StrictUndefined

    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {"visible": visible, "fold": fold, "spaces": spaces, "n": "{:,}".format}
    return page.from_string(assets.read("report.html.jinja"))


def render(manifest: Manifest, folder: Path) -> str:
    """Return the page of the build that lies in the folder."""
    return template().render(
        manifest=manifest,
        claims=claims(manifest),
        teachers=teachers(manifest),
        funnel=_funnel(manifest),
        histograms=_histograms(folder),
        rows=dataset.sample(folder, "sft", _ROWS),
        pairs=[_marked(pair) for pair in dataset.sample(folder, "preference", _ROWS)],
        rejects=_rejects(folder),
    )


def _funnel(manifest: Manifest) -> list[dict[str, Any]]:
    """Return the lines of the funnel with the widths of their bars, in percent of the widest line."""
    lines = manifest["funnel"]
    widest = max([line["out"] + line["dropped"] for line in lines] or [0]) or 1
    shares = {"kept": "out", "lost": "dropped"}
    return [
        line
        | {name: round(100 * line[column] / widest, 2) for name, column in shares.items()}
        | {"grown": line["added"] - line["expanded"], "settings": _settings(line["config"])}
        for line in lines
    ]


def _settings(value: Any) -> str:
    """Render a step's configuration on one line: `tasks count 500, threshold 0.7`."""
    if isinstance(value, dict):
        told = ((name, _settings(inner)) for name, inner in value.items() if inner is not None)
        return ", ".join(f"{name} {inner}" for name, inner in told)
    return " and ".join(map(_settings, value)) if isinstance(value, list) else str(value)


def _histograms(folder: Path) -> list[dict[str, Any]]:
    """Count lengths in characters: prompts, responses, and chosen against rejected."""
    charts = []
    if dataset.files(folder, "sft"):
        turns = _lengths("messages").list
        lengths = _measured(folder, "sft", {"prompt": turns.sum() - turns.last(), "response": turns.last()})
        charts = [_histogram(title, {title: lengths[title]}) for title in ("prompt", "response")]
    if dataset.files(folder, "preference"):
        sides = {side: _lengths(side).list.last() for side in ("chosen", "rejected")}
        charts.append(_histogram("chosen and rejected", _measured(folder, "preference", sides)))
    return charts


def _measured(folder: Path, kind: str, measures: dict[str, pl.Expr]) -> dict[str, pl.Series]:
    """Measure every row of `sft` or `preference`, some rows at a time: what is held is a number for each."""
    import polars as pl

    names = sorted({name for measure in measures.values() for name in measure.meta.root_names()})
    parts = [
        batch.select(**measures)
        for split in dataset.files(folder, kind)
        for batch in dataset.batches(folder, f"{kind}/{split}", names)
    ]
    return pl.concat(parts).to_dict()


def _lengths(messages: str) -> pl.Expr:
    import polars as pl

    return pl.col(messages).list.eval(pl.element().struct.field("content").str.len_chars().cast(pl.Int64))


def _histogram(title: str, numbers: Mapping[str, Sequence[int] | pl.Series]) -> dict[str, Any]:
    """Bin all series alike: round steps up to the 99th percentile; the last bin takes what is longer."""
    import polars as pl

    series = {name: pl.Series(name, lengths, pl.Int64).sort() for name, lengths in numbers.items()}
    every = pl.concat(lengths.rename(title) for lengths in series.values()).sort()
    top = every[(len(every) - 1) * 99 // 100]
    step = next(s for e in range(12) for s in (10**e, 2 * 10**e, 5 * 10**e) if s * _BINS > top)
    bins = top // step + 1
    counts = {
        name: Counter(dict((lengths // step).clip(upper_bound=bins - 1).value_counts().iter_rows()))
        for name, lengths in series.items()
    }
    return {
        "title": title,
        "step": step,
        "bins": bins,
        "beyond": every[-1] >= bins * step,
        "highest": max(max(count.values()) for count in counts.values()),
        "series": {name: [count[i] for i in range(bins)] for name, count in counts.items()},
        "medians": {
            name: round((lengths[(len(lengths) - 1) // 2] + lengths[len(lengths) // 2]) / 2)
            for name, lengths in series.items()
        },
        "longest": {name: lengths[-1] for name, lengths in series.items()},
    }


def _marked(pair: dict[str, Any]) -> dict[str, Any]:
    """Add what differs between the two sides of a pair, long stretches that are the same folded."""
    sides = difference(pair["chosen"][-1]["content"], pair["rejected"][-1]["content"])
    folded = [[(span.changed, _fold_span(span)) for span in side] for side in sides]
    return pair | {"chosen_spans": folded[0], "rejected_spans": folded[1]}


def _fold_span(span: Span) -> Fold:
    return fold(span.text, 900) if span.changed else fold(span.text, 240, 160)


def _rejects(folder: Path) -> dict[str, Any]:
    """Return a few rejected rows per reason, the commonest first, and how many reasons are left out."""
    import polars as pl

    # "near-duplicate: 0.83 of b2:…" is the reason "near-duplicate", as in the funnel
    reason = pl.col("reason").str.extract(r"^([^:]*)", 1).str.strip_chars()
    table = pl.DataFrame(schema={"step": pl.String, "kind": pl.String, "count": pl.Int64, "id": pl.List(pl.String)})
    for batch in dataset.batches(folder, "rejects", ("step", "reason", "id")):
        here = batch.group_by("step", kind=reason).agg(pl.len().cast(pl.Int64).alias("count"), "id")
        least = pl.col("id").explode().bottom_k(_REJECTS_PER_REASON)
        table = pl.concat([table, here]).group_by("step", "kind").agg(pl.col("count").sum(), least)
    table = table.sort(["count", "step", "kind"], descending=[True, False, False])
    shown = table.head(_REASONS).to_dicts()
    wanted = [id for group in shown for id in group["id"]]
    rejects = dataset.scan_file(folder, "rejects").filter(pl.col("id").is_in(wanted))
    held = {row["id"]: row for row in rejects.collect().to_dicts()}
    for group in shown:
        group["rows"] = [held[id] | {"row": json.loads(held[id]["row"])} for id in sorted(group["id"])]
    return {"groups": shown, "left_out": max(0, table.height - _REASONS)}
