"""Sentences in two tones: what is said casually and the same said formally, with the same facts in the gaps.

Every casual sentence has a word of CASUAL and every formal one a word of FORMAL, so that a sentence left in the
wrong tone can be told.
"""

from builder.embedded.grammar import Phrases
from builder.embedded.vocab import CITIES, FIRST_NAMES, THINGS, WEEKDAYS

CASUAL = (
    *(
        "hey",
        "hiya",
        "yo",
        "gonna",
        "wanna",
        "gotta",
        "kinda",
        "super",
        "stuff",
        "guys",
        "yeah",
        "nope",
        "cheers",
        "cool",
    ),
    *(
        "awesome",
        "bye",
        "folks",
        "yep",
        "ages",
        "ton",
        "loads",
        "bummer",
        "grab",
        "pop",
        "oops",
        "ta",
        "pic",
        "heads-up",
    ),
    *(
        "can't",
        "won't",
        "don't",
        "it's",
        "i'm",
        "we're",
        "let's",
        "didn't",
        "that's",
        "there's",
        "i'll",
        "we'll",
        "you're",
    ),
)
FORMAL = (
    *("dear", "sincerely", "regards", "respectfully", "kindly", "regret", "inform", "request", "requested", "grateful"),
    *("unfortunately", "therefore", "apologise", "advised", "hereby", "commend", "proposed", "announce"),
)
MANY = ("pliers", "shears", "matches", "binoculars", "scissors", "firewood", "tape")  # of these nobody has "one"
GAPS: dict[str, tuple[str, ...]] = {
    "person": FIRST_NAMES,
    "name": FIRST_NAMES,
    "city": CITIES,
    "day": WEEKDAYS,
    "item": tuple(
        word
        for kind in ("tools", "kitchen items", "camping gear", "office supplies")
        for word in THINGS[kind]
        if word not in MANY
    ),
    "plant": THINGS["garden plants"],
    "helper": THINGS["trades"],
    "tune": THINGS["instruments"],
    "food": tuple(fruit for fruit in THINGS["fruits"] if not fruit.endswith(("berry", "melon", "grape"))),
    "time": tuple(f"{hour:02}:{minute:02}" for hour in range(7, 21) for minute in (0, 10, 15, 20, 30, 40, 45, 50)),
    "n": tuple(str(number) for number in range(12, 60)),
    "sum": tuple(str(number) for number in range(15, 480, 5)),
}
GREETINGS = (
    Phrases("[hey|hiya|yo] {person}[,|!]"),
    Phrases("Dear {person},"),
)
CLOSINGS = (
    Phrases("[cheers|bye|ta][,|!] {name}"),
    Phrases("[Sincerely|Kind regards|Respectfully], {name}"),
)
SAYINGS = tuple(
    (Phrases(casual), Phrases(formal))
    for casual, formal in (
        (
            "[it's|that's] gonna be {day} at {time}, [ok?|alright?]",
            "[we|I] [hereby confirm|kindly confirm] {day} at {time}.",
        ),
        (
            "[don't|please don't] bring the {item}, [we've got one|there's one here].",
            "[I kindly request that you|kindly] do not bring the {item}, as one is available [here|on site].",
        ),
        (
            "can you grab {n} [of those |]{item} boxes on {day}?",
            "[kindly|we kindly request that you] collect {n} {item} boxes on {day}.",
        ),
        (
            "the {item} broke, [bummer|oops].",
            "[I regret to inform you|unfortunately, I must report] that the {item} is broken.",
        ),
        (
            "we're [totally |]out of {food} juice[, oops|, bummer].",
            "[unfortunately, we have|we regret that we have] no {food} juice left.",
        ),
        (
            "it's {sum} euros, [so don't faint|that's a ton].",
            "[please be advised|we wish to inform you] that the cost is {sum} euros.",
        ),
        (
            "[loads of|a ton of] people, like {n}, are gonna come.",
            "[we would like to inform you|I wish to inform you] that {n} people will attend.",
        ),
        (
            "[so|well], the {helper} can't make it on {day}.",
            "[unfortunately,|I regret that] the {helper} is not available on {day}.",
        ),
        (
            "let's meet in {city} at {time}.",
            "[I respectfully suggest|it is proposed] that we meet in {city} at {time}.",
        ),
        (
            "I'm gonna be [like |]{n} minutes late[, oops|, don't wait|].",
            "[I apologise, as I|I regret that I] will arrive {n} minutes late.",
        ),
        (
            "[somebody|someone]'s gotta water the {plant}, [it's dry|it's looking sad].",
            "[I kindly request|it is requested] that someone water the {plant}.",
        ),
        ("the {tune} lesson was [super|awesome|cool].", "I [was grateful for|wish to commend] the {tune} lesson."),
        (
            "I [didn't|can't] find the {item} [anywhere|in all that stuff].",
            "[unfortunately, I was|I regret that I was] unable to find the {item}.",
        ),
        (
            "just pop the {item} [on|onto] my desk, [yeah?|cool?]",
            "[kindly|I request that you] leave the {item} on my desk.",
        ),
        (
            "there's [some |]{food} cake for {n} [of you |]guys.",
            "[kindly note|please be advised] that there is {food} cake for {n} guests.",
        ),
        (
            "[nope|sorry, nope], I can't pay {sum} euros.",
            "[I regret that I am|unfortunately, I am] unable to pay {sum} euros.",
        ),
        (
            "send me a pic of the {plant}[, yeah?| and stuff.]",
            "[I respectfully request|I would be grateful for] a photograph of the {plant}.",
        ),
        (
            "heads-up, the train to {city} leaves at {time}.",
            "[please be advised|kindly note] that the train to {city} departs at {time}.",
        ),
        (
            "I've got {n} spare {item} parts, [it's crazy|don't ask why].",
            "[please be advised|I wish to inform you] that I have {n} spare {item} parts.",
        ),
        (
            "the {helper} took ages, [like |]{n} hours[, kinda crazy|].",
            "[I regret to say|I must inform you] that the {helper} required {n} hours.",
        ),
        (
            "we'll [pop over to|be in] {city} on {day}.",
            "[I wish to|I would like to] inform you that we will be in {city} on {day}.",
        ),
        (
            "[yep|yeah], the {helper} fixed the {item}.",
            "I [hereby confirm|wish to inform you] that the {helper} has repaired the {item}.",
        ),
        (
            "I'll play the {tune} at {time}, [don't laugh.|wanna listen?]",
            "I [hereby announce that I will|wish to inform you that I will] play the {tune} at {time}.",
        ),
        (
            "you're [still |]down for {n} {food} trees, yeah?",
            "[kindly confirm|I request that you confirm] your order of {n} {food} trees.",
        ),
    )
)
