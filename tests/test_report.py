import json
from html.parser import HTMLParser

import pytest
import sample_build
from hypothesis import given
from hypothesis import strategies as st

from builder.pages import report
from builder.pages.readable import difference, fold, visible

VOID = {"meta", "link", "rect", "br", "img", "input"}


class Page(HTMLParser):
    """Reads a page: its tags with attributes, its text, and whether every tag is closed in order."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.text, self.open, self.faults = [], "", [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID or tag == "rect":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append((tag, self.getpos()))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = sample_build.write(tmp_path_factory.mktemp("build"))
    report.write(folder)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_the_page_is_well_formed_and_every_row_is_text(page):
    assert page.faults == [] and page.open == []
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "iframe", "object", "form"}
    assert '<script>alert("x")</script>' in page.text
    assert "<img src=x onerror=alert(1)>" in page.text
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_the_page_asks_for_nothing(page):
    links = [attributes[name] for _, attributes in page.tags for name in ("href", "src") if name in attributes]
    assert links and all(link.startswith("#") or link == "data:," for link in links)
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "@import" not in page.text and "url(" not in page.text


def test_links_lead_somewhere(page):
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert {a["href"][1:] for tag, a in page.tags if tag == "a"} <= ids


def test_ten_rows_and_nine_pairs_with_the_difference_marked(page):
    tags = [tag for tag, _ in page.tags]
    assert tags.count("article") == 10 + 9 + 6
    assert "10 rows" in page.text and "9 pairs" in page.text
    assert tags.count("ins") >= 9 and tags.count("del") >= 9
    assert "json_equals" in page.text and "invented value" in page.text


def test_funnel_and_rejects_name_their_reasons(page):
    for reason in ("near-duplicate", "needs an LLM", "refusal"):
        assert page.text.count(reason) >= 2
    assert "As an AI [model]" in page.text
    assert "47 made = 32 SFT + 9 only a side of a pair + 6 rejected" in page.text


def test_bars_of_the_funnel_stay_inside_their_line(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    widths = [line["kept"] + line["lost"] for line in report._funnel(manifest)]
    assert max(widths) == pytest.approx(100) and min(widths) > 0


def test_control_characters_are_signs(page):
    assert "\x1b" not in page.text and "␛[31m" in page.text
    assert "\u202e" not in page.text and "⟨U+202E⟩back" in page.text


def test_a_long_row_is_folded_and_cut(folder, page):
    assert "show all" in page.text and "characters that only the parquet file holds" in page.text
    assert (folder / "report.html").stat().st_size < 250_000


def test_the_page_is_the_same_every_time(folder, tmp_path):
    other = sample_build.write(tmp_path / "again")
    report.write(other)
    assert (other / "report.html").read_bytes() == (folder / "report.html").read_bytes()


def test_embedded_data_says_what_it_does_not_teach(page, tmp_path):
    assert "World knowledge" in page.text
    other = sample_build.write(tmp_path / "other", teacher="gpt-x")
    report.write(other)
    text = Page((other / "report.html").read_text()).text
    assert "World knowledge" not in text and "in the manner of gpt-x" in text


def test_a_preview_says_so_and_a_build_without_pairs_has_no_section_for_them(tmp_path):
    folder = sample_build.write(tmp_path / "build")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "preference" / "train.parquet").unlink()
    manifest |= {"preview": True, "pairs": 0, "splits": {"sft": {"train": 28, "test": 4}, "preference": {}}}
    page = Page(report.render(manifest, folder))
    assert "A preview of the first seeds only" in page.text
    assert page.faults == []
    assert not {"ins", "del"} & {tag for tag, _ in page.tags}
    assert "pairs" not in {attributes.get("id") for _, attributes in page.tags}


@pytest.mark.parametrize("lengths", [[0], [5, 5, 5], [1, 10**7], list(range(1000))])
def test_a_histogram_counts_every_length_once(lengths):
    chart = report._histogram("x", {"x": lengths})
    assert sum(chart["series"]["x"]) == len(lengths)
    assert len(chart["series"]["x"]) == chart["bins"] <= 24
    assert chart["beyond"] == (max(lengths) >= chart["bins"] * chart["step"])


@given(st.text(max_size=300), st.integers(0, 200), st.integers(0, 200), st.integers(0, 200))
def test_a_fold_loses_only_what_it_says(text, head, tail, most):
    it = fold(text, head, tail, most)
    if it.cut:
        assert len(it.head) + len(it.hidden) + it.cut + len(it.tail) == len(text)
    else:
        assert it.head + it.hidden + it.tail == text


words = st.lists(st.sampled_from(["a", "b", "cat", " ", "\n", ",", "é", "東", "京"]), max_size=30).map("".join)


@given(words | st.text(max_size=40), words | st.text(max_size=40))
def test_a_difference_joins_to_both_texts_and_agrees_outside_the_marks(one, other):
    left, right = difference(one, other)
    assert "".join(span.text for span in left) == one
    assert "".join(span.text for span in right) == other
    agreed = ["".join(span.text for span in side if not span.changed) for side in (left, right)]
    assert agreed[0] == agreed[1]
    assert (one == other) == (not any(span.changed for span in left + right))


def test_a_difference_marks_words_not_letters():
    left, right = difference("to Oslo today", "to Lagos today")
    assert left == [("to ", False), ("Oslo", True), (" today", False)]
    assert right == [("to ", False), ("Lagos", True), (" today", False)]


def test_a_difference_of_two_huge_texts_is_found_soon():
    one, other = " ".join(f"a{i}" for i in range(40_000)), " ".join(f"b{i}" for i in range(40_000))
    left, right = difference(f"same {one} end", f"same {other} end")
    assert [span.changed for span in left] == [span.changed for span in right] == [False, True, False]


@given(st.text())
def test_what_is_visible_holds_no_control_characters(text):
    shown = visible(text)
    assert not any((ord(c) < 32 and c not in "\n\t") or ord(c) == 127 or 0x80 <= ord(c) < 0xA0 for c in shown)
    assert visible(shown) == shown
