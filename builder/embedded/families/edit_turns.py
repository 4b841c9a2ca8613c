"""Several turns: facts of a text are listed, then the user wants the list changed (items, order, layout).

user: List the sender and the weight ... as bullet points. -> assistant: - sender: Petra Novak ... -> user: Now drop the
weight and number the lines. -> 1. sender: Petra Novak
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from builder.embedded import frame, prose, worlds
from builder.embedded.grammar import Phrases
from builder.embedded.task import Messages, Slip, Task, user
from builder.embedded.worlds import Passage

ABILITY = "multi-turn"
WEIGHT = 3.0
REQUEST = Phrases(
    "[list|note down|show] the {labels} [from|given in] the {text} {here:here} as {layout}, in [that|this] order.",
    "[read|go through] the {text} {here:here} and [give me|write out] the {labels} as {layout}[.|, please.]",
    "[I need|We need] the {labels} as {layout}; [take|get] them from the {text} {here:here}.",
    "[what are|can you tell me] the {labels} according to the {text} {here:here}? [answer|reply] with {layout}.",
)
LAYOUTS = {
    "bullets": ("bullet points of the form - field: value", "bullet points like - field: value"),
    "numbered": (
        "a numbered list (1., 2., 3.) of field: value lines",
        "numbered lines (1., 2., 3.) of the form field: value",
    ),
    "lines": ("plain lines of the form field: value", "plain field: value lines"),
    "semicolons": (
        "a single line of field: value parts, separated by semicolons",
        "one line with semicolons between field: value parts",
    ),
    "json": ("one flat JSON object with text values only", "a JSON object in which every value is a string"),
}
FOLLOW = Phrases(
    "[thanks|thank you|good|nice|great|fine|perfect][.|!] [now|next|and now] {edits}[.|, please.]",
    "[almost right|nearly there|that is close][, but one more thing:|. Now] [please |]{edits}.",
    "[could|can|would] you [please |]{edits}?",
    "[one change|a change of plan|I have changed my mind|on second thoughts]: {edits}.",
    "[that works|this looks right|very helpful][.|, thanks.] [for the next version|as a next step], {edits}.",
    "[my colleague|the boss|our team] [would like|wants] a different version: {edits}.",
)
EDITS = {
    "drop": Phrases("[leave out|drop|remove|take out|delete] the {label}"),
    "add": Phrases(
        "[add|append|include] the {label} [at the end|as the last item]",
        "[put|write] the {label} below the rest",
    ),
    "first": Phrases(
        "[move|bring] the {label} to the [top|front]", "put the {label} first", "[start|begin] with the {label}"
    ),
    "last": Phrases("[move|shift] the {label} to the [very |]end", "let the {label} come last"),
    "sort": Phrases(
        "[sort|order|arrange] [the items|everything] by field name from a to z",
        "put [the fields|all items] in alphabetical order",
    ),
    "reverse": Phrases("[reverse|turn round] the order[| of the items]"),
    "layout": Phrases("[switch to|write everything as|turn the list into|give me everything as] {layout}"),
}
JOINS = (" and ", ", then ", ", and after that ")
Edit = tuple[str, str]  # its name, and a label, a layout or ""


@dataclass(frozen=True)
class State:
    """The labels that are listed, and the layout."""

    labels: tuple[str, ...]
    layout: str


def sample(rng: random.Random) -> Task:
    """Draw a passage, a first list and one or two rounds of edits that each change something."""
    passage = worlds.draw(rng, least=5)
    facts = _facts(passage)
    state = State(tuple(rng.sample(list(facts), rng.randint(3, min(5, len(facts) - 1)))), rng.choice(list(LAYOUTS)))
    start = state
    prompt = frame.compose(
        rng,
        REQUEST,
        passage.text,
        world=passage.world,
        labels=prose.join(state.labels),
        layout=rng.choice(LAYOUTS[state.layout]),
    )
    messages = user(prompt)
    done: list[Edit] = []
    for _ in range(rng.choice((1, 1, 2))):
        edits: list[Edit] = []
        messages.append({"role": "assistant", "content": _write(facts, state)})
        for _ in range(rng.choice((1, 2, 2))):
            edit = rng.choice([edit for edit in _possible(rng, facts, state) if _apart(edit, edits)])
            edits.append(edit)
            state = _edit(state, edit)
        messages += user(FOLLOW.render(rng, edits=rng.choice(JOINS).join(_say(rng, edit) for edit in edits)))
        done += edits
    check = {
        "check": "edited_facts",
        "facts": [[label, facts[label]] for label in start.labels],
        "edits": [
            [name, label, *([facts[label]] if name == "add" else [])] for name, label in done if name != "layout"
        ],
        "layout": state.layout,
    }
    return Task("edit_turns", ABILITY, messages, [check])


def answer(messages: Messages) -> str | None:
    """Read every turn, do the edits in order and write the list as it stands at the end."""
    problem = _read(messages)
    return _write(problem[0], problem[1][-1]) if problem else None


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield the answer before, a forgotten edit, a lost, added or changed item, another order or layout, chatter."""
    if not (problem := _read(messages)):
        return
    facts, states, edits = problem
    last = states[-1]
    yield Slip("nothing_changed", _write(facts, states[0]))
    for at in range(len(edits)):
        state = states[0]
        for edit in edits[:at] + edits[at + 1 :]:
            state = _edit(state, edit)
        yield Slip("forgotten_edit", _write(facts, state))
    shown = rng.sample(last.labels, len(last.labels))
    yield Slip("other_order", _write(facts, replace(last, labels=tuple(shown))))
    yield Slip("lost_item", _write(facts, replace(last, labels=last.labels[:-1])))
    yield Slip(
        "other_layout",
        _write(facts, replace(last, layout=rng.choice([name for name in LAYOUTS if name != last.layout]))),
    )
    for label in [label for label in facts if label not in last.labels][:1]:
        yield Slip("added_item", _write(facts, replace(last, labels=(*last.labels, label))))
    if len(shown) > 1:
        swapped = facts | {shown[0]: facts[shown[1]], shown[1]: facts[shown[0]]}
        yield Slip("swapped_values", _write(swapped, last))
    yield Slip("chatty", f"Sure, here is the new version:\n{_write(facts, last)}")


def _facts(passage: Passage) -> dict[str, str]:
    return {passage.world.by_key[key].heading: value for key, value in passage.record.items()}


def _possible(rng: random.Random, facts: dict[str, str], state: State) -> list[Edit]:
    """Return the edits that change the state, with their labels drawn."""
    edits: list[Edit] = [("layout", rng.choice([layout for layout in LAYOUTS if layout != state.layout]))]
    edits += [(name, rng.choice(state.labels)) for name in ("drop", "first", "last")]
    edits += [("add", label) for label in facts if label not in state.labels][:1]
    edits += [("sort", ""), ("reverse", "")]
    return [edit for edit in edits if _edit(state, edit) != state and _edit(state, edit).labels]


def _apart(edit: Edit, edits: list[Edit]) -> bool:
    """Tell whether an edit fits beside the others: nobody sorts and reverses at once, or moves a thing twice."""
    whole = {"sort", "reverse"}
    return all(
        edit[0] != name and {edit[0], name} != whole and (edit[1] != label or not label) for name, label in edits
    )


def _edit(state: State, edit: Edit) -> State:
    name, label = edit
    others = tuple(other for other in state.labels if other != label)
    labels = {
        "drop": others,
        "add": (*others, label),
        "first": (label, *others),
        "last": (*others, label),
        "sort": tuple(sorted(state.labels)),
        "reverse": state.labels[::-1],
    }
    return replace(state, layout=label) if name == "layout" else replace(state, labels=labels[name])


def _say(rng: random.Random, edit: Edit) -> str:
    layout = rng.choice(LAYOUTS[edit[1]]) if edit[0] == "layout" else ""
    text = EDITS[edit[0]].render(rng, label=edit[1], layout=layout)
    return text[0].lower() + text[1:]


def _write(facts: dict[str, str], state: State) -> str:
    if state.layout == "json":
        return json.dumps({label: facts[label] for label in state.labels}, ensure_ascii=False)
    told = [f"{label}: {facts[label]}" for label in state.labels]
    if state.layout == "semicolons":
        return "; ".join(told)
    marks = {"bullets": "- ", "lines": ""}
    return "\n".join(f"{marks.get(state.layout, f'{at}. ')}{line}" for at, line in enumerate(told, 1))


def _read(messages: Messages) -> tuple[dict[str, str], list[State], list[Edit]] | None:
    """Return the text's facts, the list's state after every edit, and the edits; None where a turn is not read."""
    if len(messages) not in (3, 5) or [m["role"] for m in messages] != ["user", "assistant"] * (len(messages) // 2) + [
        "user"
    ]:
        return None
    reading = frame.read(messages[:1], REQUEST)
    passage = worlds.read(reading.body) if reading else None
    if not reading or not passage:
        return None
    facts = _facts(passage)
    state = State(tuple(prose.split(reading.slots["labels"])), _layout(reading.slots["layout"]))
    states, done = [state], []
    if not set(state.labels) <= set(facts) or len(set(state.labels)) < len(state.labels) or not state.layout:
        return None
    for said, turn in zip(messages[1::2], messages[2::2], strict=True):
        edits = _read_turn(turn["content"])
        # The edits start from what the assistant said: it must be what is known here.
        if edits is None or said["content"] != _write(facts, states[-1]):
            return None
        for edit in edits:
            if not _fits(edit, facts, states[-1]):
                return None
            states.append(_edit(states[-1], edit))
        done += edits
    return (facts, states, done) if states[-1].labels else None


def _fits(edit: Edit, facts: dict[str, str], state: State) -> bool:
    """Tell whether an edit is about what is there: one drops or moves what is listed, and adds what is not."""
    name, label = edit
    if name == "add":
        return label in facts and label not in state.labels
    return name not in ("drop", "first", "last") or label in state.labels


def _read_turn(text: str) -> list[Edit] | None:
    for pattern in FOLLOW.patterns:
        if slots := pattern.read(text):
            edits = [_read_edit(part) for part in re.split(r", then |, and after that | and ", slots["edits"])]
            found = [edit for edit in edits if edit]
            if len(found) == len(edits):
                return found
    return None


def _read_edit(text: str) -> Edit | None:
    for name, phrases in EDITS.items():
        if (slots := phrases.read(text)) is not None:
            if name != "layout":
                return name, slots.get("label", "")
            return (name, layout) if (layout := _layout(slots["layout"])) else None
    return None


def _layout(text: str) -> str:
    return next((name for name, texts in LAYOUTS.items() if text in texts), "")
