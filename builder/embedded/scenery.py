"""Word lists of the families that have no world; the words lie in scenery.txt, by name."""

from importlib.resources import files


def _load() -> dict[str, list[str]]:
    text = files("builder.embedded").joinpath("scenery.txt").read_text(encoding="utf-8")
    blocks = [block.partition(":\n") for block in text.split("\n\n")[1:]]
    return {name: " ".join(words.split()).split(", ") for name, _, words in blocks}


WORDS = _load()
