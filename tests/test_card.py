import pyarrow.parquet as pq
import pytest
import sample_build
import yaml

from builder.pages import card, dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sample_build.write(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def text(folder):
    return card.render(dataset.manifest(folder), folder)


def front_matter(text):
    _, matter, body = text.split("---\n", 2)
    return yaml.safe_load(matter), body


def test_front_matter_is_what_the_hub_reads(text):
    matter, _ = front_matter(text)
    assert matter["license"] == "cc0-1.0"
    assert matter["language"] == ["en"]
    assert matter["task_categories"] == ["text-generation"]
    assert {"synthetic", "instruct-builder", "sft", "preference"} <= set(matter["tags"])
    assert matter["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in matter["configs"]] == ["sft", "preference"]


def test_datasets_loads_the_folder_by_its_card(folder, text, tmp_path):
    import datasets

    (folder / "README.md").write_text(text, encoding="utf-8")
    sft = datasets.load_dataset(str(folder), "sft", cache_dir=str(tmp_path))
    assert {name: split.num_rows for name, split in sft.items()} == {"train": 28, "test": 4}
    assert sft["train"].column_names == ["id", "messages", "metadata"]
    pairs = datasets.load_dataset(str(folder), "preference", split="train", cache_dir=str(tmp_path))
    assert pairs.num_rows == 9 and pairs[0]["chosen"][0]["role"] == "assistant"
    assert datasets.load_dataset(str(folder), cache_dir=str(tmp_path))["train"].column_names[1] == "messages"


def test_body_tells_how_it_was_made(text):
    _, body = front_matter(text)
    assert "47 rows were made: 32 are SFT rows, 9 only a side of a pair, 6 were rejected" in body
    assert "```yaml\nname: sample  # made by hand\nsteps: []\n```" in body
    assert "| dedup | 43 | 0 | 2 | 41 | 2 near-duplicate |" in body
    assert "| seeds.jsonl | CC0-1.0 | 41 |" in body
    assert "World knowledge" in body
    assert 'loss_type=["sigmoid", "sft"]' in body and "rpo_alpha" in body


def test_tables_stay_tables(text):
    """Every line of a table has as many cells as its head."""
    lines = text.split("---\n", 2)[2].splitlines()
    heads = [i for i, line in enumerate(lines) if line.startswith("|---")]
    assert len(heads) >= 6
    for head in heads:
        width = lines[head].count("|")
        end = next(i for i in range(head, len(lines)) if not lines[i].startswith("|"))
        for line in lines[head - 1 : end]:
            assert line.replace("\\|", "").count("|") == width, line


def test_hostile_names_cannot_break_out(folder):
    manifest = dataset.manifest(folder)
    nasty = "a|b\n## <b>`x`</b> [l](javascript:1) \x1b[31m"
    manifest["by_task"] = {nasty: {"sft": 1, "preference": 0, "rejected": 0}}
    manifest["recipe_text"] = "name: x # ```` fence\n```\n## not a heading\n"
    text = card.render(manifest, folder)
    assert "\x1b" not in text and "<b>" not in text
    (line,) = [line for line in text.splitlines() if line.startswith("| a\\|b")]
    assert line.endswith("| 1 | 0 | 0 |") and "\\[l\\](javascript:1)" in line
    assert "\n`````yaml\nname: x" in text and "\n## not a heading\n`````\n" in text


@pytest.mark.parametrize(
    ("found", "license"),
    [
        ({"Apache-2.0"}, {"license": "apache-2.0"}),
        ({"MIT", "CC0-1.0"}, {"license": "other", "license_name": "mixed", "license_link": "README.md"}),
        ({"My Licence 2"}, {"license": "other", "license_name": "my-licence-2", "license_link": "README.md"}),
        ({"MIT", None}, {"license": "unknown"}),
        (set(), {"license": "unknown"}),
    ],
)
def test_one_licence_only_if_every_row_has_it(found, license):
    assert card._license(found) == license


@pytest.mark.parametrize(
    ("rows", "size"),
    [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**6, "1M<n<10M")],
)
def test_size_categories_are_the_hubs(rows, size):
    assert card._size(rows) == size


def test_licences_are_counted_by_file_and_licence(tmp_path):
    folder = sample_build.write(tmp_path / "build")
    file = folder / "provenance.parquet"
    lines = pq.read_table(file).to_pylist()
    for line in lines[:3]:
        line |= {"source": "other.jsonl:9", "license": None}
    sample_build._table(file, lines, list(lines[0]))
    text = card.render(dataset.manifest(folder), folder)
    assert "| seeds.jsonl | CC0-1.0 | 38 |" in text and "| other.jsonl | not stated | 3 |" in text
    assert front_matter(text)[0]["license"] == "unknown"


def test_a_build_without_pairs_offers_none(tmp_path):
    folder = sample_build.write(tmp_path / "build", teacher="gpt-x")
    (folder / "preference" / "train.parquet").unlink()
    manifest = dataset.manifest(folder) | {
        "pairs": 0,
        "splits": {"sft": {"train": 28, "test": 4}, "preference": {}},
    }
    text = card.render(manifest, folder)
    matter, body = front_matter(text)
    assert [config["config_name"] for config in matter["configs"]] == ["sft"]
    assert "DPO" not in body and "| preference |" not in body
    assert "terms of that model's maker" in body
