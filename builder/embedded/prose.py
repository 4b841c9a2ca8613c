"""Small matters of English that several families share: lists of names in a sentence, and reading them back."""

from collections.abc import Sequence


def join(items: Sequence[str], word: str = "and") -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return f" {word} ".join(filter(None, (", ".join(items[:-1]), items[-1])))


def split(text: str) -> list[str]:
    """Read back what `join` wrote."""
    return [item for part in text.split(", ") for item in part.split(" and ")]


def lowered(phrase: str) -> str:
    """Return a phrase without its capital, as it stands within a sentence: "Use JSON" becomes "use JSON"."""
    return phrase if phrase.startswith("I ") else phrase[:1].lower() + phrase[1:]


def clauses(sentences: Sequence[str]) -> str:
    """Return sentences as one: "The price is 5. The seller is Ben." becomes "The price is 5 and the seller is Ben."."""
    bare = [sentence.removesuffix(".") for sentence in sentences]
    lowered = [text[:1].lower() + text[1:] if text.startswith(("The ", "It ")) else text for text in bare[1:]]
    return join([bare[0], *lowered]) + "."
