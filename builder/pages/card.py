"""README.md of a dataset: its card, with the front matter by which the Hub and `datasets` find the files.

Sources, tasks and licences come from seed files: what goes into a table is escaped, the fence is longer than
any fence within, the front matter is dumped as YAML.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import assets
from builder.pages import dataset
from builder.pages.claims import claims, teachers
from builder.pages.readable import visible

if TYPE_CHECKING:
    from jinja2 import Template

Manifest = dict[str, Any]

# Licences the Hub knows, by their SPDX identifier in lower case; any other is `other`.
_HUB_LICENSES = frozenset(
    (
        *("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense", "wtfpl"),
        *("cc0-1.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nd-4.0"),
        *("cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "odc-by", "odbl", "pddl"),
        *("cdla-permissive-2.0", "gpl-3.0", "agpl-3.0", "lgpl-3.0", "mpl-2.0"),
    )
)
_MOST_SOURCES = 40


@cache
def template() -> Template:
    """Compile the card's template once."""
    from jinja2 import Environment, StrictUndefined

    page = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {"cell": _cell, "n": "{:,}".format}
    return page.from_string(assets.read("card.md.jinja"))


def render(manifest: Manifest, folder: Path) -> str:
    """Return the card of the build that lies in the folder."""
    import yaml

    licenses = _licenses(folder)
    matter = yaml.safe_dump(_front_matter(manifest, folder, licenses), sort_keys=False, allow_unicode=True)
    recipe = visible(manifest["recipe_text"]).rstrip()
    return (
        template().render(
            manifest=manifest,
            matter=matter,
            claims=claims(manifest),
            teachers=teachers(manifest),
            recipe=recipe,
            fence="`" * max(3, 1 + max(map(len, re.findall("`+", recipe)), default=0)),
            licenses=licenses[:_MOST_SOURCES],
            sources_left_out=max(0, len(licenses) - _MOST_SOURCES),
            steps=[line["step"] for line in manifest["funnel"]],
            benchmarks=_benchmarks(manifest),
            looks=[step["decontaminate"] for step in manifest["recipe"]["steps"] if "decontaminate" in step],
        )
        + "\n"
    )


def _cell(value: object) -> str:
    """Make a text safe inside a markdown table: one line, no markup of its own."""
    line = " ".join(visible(str(value)).split())
    return re.sub(r"([\\|`*<>\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", line)


def _benchmarks(manifest: Manifest) -> list[dict[str, Any]]:
    """Tell what the rows were held against, and how many each benchmark cost."""
    lines = [line for line in manifest["funnel"] if line["step"] == "decontaminate"]
    reasons = [reason for line in lines for reason in line["reasons"].items()]
    return [
        {
            "name": name,
            "fingerprint": fingerprint,
            "dropped": sum(count for reason, count in reasons if reason.endswith(f" of {name}")),
        }
        for name, fingerprint in (
            (entry.removeprefix("benchmark "), found)
            for entry, found in manifest["inputs"].items()
            if entry.startswith("benchmark ")
        )
    ]


def _licenses(folder: Path) -> list[dict[str, Any]]:
    """Count SFT rows and pairs by source and licence, commonest first; a source is a file, not its lines."""
    import polars as pl

    source = pl.col("source").str.replace(r":\d+(#.*)?$", "")
    counts: Counter[tuple[str | None, str | None]] = Counter()
    for batch in dataset.batches(folder, "provenance", ("source", "license")):
        for name, license, rows in batch.group_by(source, "license").len().iter_rows():
            counts[name, license] += rows
    order = sorted(counts, key=lambda key: (-counts[key], *((part is not None, part or "") for part in key)))
    return [{"source": name, "license": license, "rows": counts[name, license]} for name, license in order]


def _front_matter(manifest: Manifest, folder: Path, licenses: list[dict[str, Any]]) -> dict[str, Any]:
    kinds = [kind for kind in ("sft", "preference") if dataset.files(folder, kind)]
    # langdetect says zh-cn and zh-tw, the Hub knows zh
    languages = sorted({code.split("-")[0] for code in manifest["by_language"]} - {"und", "(none)"})
    tags = ["synthetic" if manifest["teachers"] else "cleaned", "instruct-builder", *kinds]
    return {
        "pretty_name": f"{manifest['name']} {manifest['version']}",
        **_license({line["license"] for line in licenses}),
        **({"language": languages} if languages else {}),
        "task_categories": ["text-generation"],
        "tags": tags + ["dpo"] * ("preference" in kinds),
        "size_categories": [_size(manifest["rows"]["sft"] + manifest["pairs"])],
        "configs": [
            {
                "config_name": kind,
                **({"default": True} if kind == kinds[0] else {}),
                "data_files": [
                    {"split": split, "path": f"{kind}/{file.name}"}
                    for split, file in dataset.files(folder, kind).items()
                ],
            }
            for kind in kinds
        ],
    }


def _license(found: set[str | None]) -> dict[str, str]:
    """Name one licence only if every row has it; a row without one makes the whole unknown."""
    if None in found or not found:
        return {"license": "unknown"}
    if len(found) > 1:
        return {"license": "other", "license_name": "mixed", "license_link": "README.md"}
    (name,) = (str(one) for one in found)
    if name.lower() in _HUB_LICENSES:
        return {"license": name.lower()}
    slug = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-") or "unnamed"
    return {"license": "other", "license_name": slug, "license_link": "README.md"}


def _size(rows: int) -> str:
    """Return the Hub's size category."""
    units = [
        (10**3, "1K"),
        (10**4, "10K"),
        (10**5, "100K"),
        (10**6, "1M"),
        (10**7, "10M"),
        (10**8, "100M"),
        (10**9, "1B"),
    ]
    low = "n"
    for limit, name in units:
        if rows < limit:
            return f"n<{name}" if low == "n" else f"{low}<n<{name}"
        low = name
    return "1B<n<10B"
