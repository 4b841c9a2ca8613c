r"""What a response must not say, as regular expressions (polars: Rust syntax, no look-around), English only.

REFUSAL        "I'm sorry, but I can't assist with that."   how an answer opens that declines or speaks as an AI
IDENTITY       "I was trained by OpenAI"                    first person, with the name of a provider
SCAFFOLDING    "<|im_end|>", "#Rewritten Prompt#:"          what belongs around a text, not in it
"""

_PREAMBLE = (
    r"^\W*(?:(?:oh|well|hello|hi|but|however|unfortunately|regrettably|(?:my )?apologies|sorry|"
    r"i(?:'m| am) (?:\w+ )?(?:sorry|afraid)(?: that)?|i apologi[sz]e(?: for [^.,;!]{0,60})?|"
    r"thank(?:s| you)[^.,;!\n]{0,80})\W+)*"
)
_UNABLE = (
    r"i(?:(?: \w+ly)? (?:cannot|can't|can not|won't|will not|must decline to|have to decline to)|"
    r"(?: am|'m) (?:\w+ly )?(?:unable|not able|not allowed|not programmed) to) (?:\w+ly )?"
)
_AN_AI = (
    r"an? (?:ai|artificial intelligence|(?:large |ai )?language model)"
    r"(?: (?:language model|model|assistant|chatbot|system|program))?"
)
_REFUSALS = (
    # speaks of itself as a machine; "as an AI researcher, I ..." does not
    rf"as {_AN_AI},? (?:i|my|it is|it's)\b",
    rf"i(?: am|'m) (?:just |only |merely |simply )?{_AN_AI}"
    r"(?:\W*$|[.,;:!]| (?:and|so|but|that|who|without|created|trained|developed|designed|programmed)\b)",
    r"i (?:don't|do not) (?:have|possess) (?:any )?(?:personal|human|feelings|emotions|opinions|beliefs|"
    r"consciousness|a physical|the (?:ability|capability) to|"
    r"access to (?:the internet|real|current|external|any))",
    # declines; "I cannot find my keys" and "I cannot help but smile" do not
    rf"{_UNABLE}(?:(?:assist|help) (?:you|with)|comply with|continue with)\b",
    rf"{_UNABLE}(?:fulfill?|complete|answer|process|honou?r) (?:this|that|your|the) "
    r"(?:\w+ )?(?:request|question|query|prompt|task|instruction)",
    rf"{_UNABLE}(?:provide|generate|create|write|give|share|offer|produce|engage in|support|discuss)"
    r"(?: you)?(?: with)? (?:any |such |this |that |the |an? )?"
    r"(?:specific |explicit |detailed |personal |accurate )?"
    r"(?:instructions|information|content|advice|images?|guidance|assistance|opinions?|responses?|answers?|"
    r"medical|legal|financial|real-time|hateful|harmful|offensive|discriminat|violen|illegal|sexual)",
    rf"{_UNABLE}(?:access|browse|open|view|see|search) "
    r"(?:the internet|the web|the image|external|real-time|live|any|files|links|urls|websites|images)",
    r"(?:this|that|it|your request) (?:(?:is|would be|goes) against|violates) (?:my|our|openai's) "
    r"(?:programming|guidelines|polic|ethic|content)",
)
REFUSAL = rf"{_PREAMBLE}(?:{'|'.join(_REFUSALS)})|^.{{0,160}}\bas an ai (?:language )?model,? (?:i|my)\b"
"""In lower case, with plain apostrophes; over the first 400 characters."""

SELF_REFERENCE = (
    r"(?i)\bas an? (?:ai|artificial intelligence)(?: (?:language )?(?:model|assistant|chatbot))?,? (?:i|my)\b|"
    r"\bas a (?:large )?language model,? (?:i|my)\b|\bI(?: am|['’]m) (?:just |only )?an ai\b"
)
"""Anywhere in a response."""

_MAKER = (
    r"(openai|anthropic|google|deepmind|meta ai|microsoft|mistral|alibaba|deepseek|cohere|baidu|moonshot|xai|01\.ai)"
)
_MADE = r"(?:created|developed|trained|made|built|designed|programmed)(?: and (?:trained|maintained))?"
IDENTITY = (
    rf"(?i)\bi(?: am|['’]m| was|['’]ve been| have been)(?: an? [^.!?\n]{{0,60}}?)?[, ]+{_MADE} by {_MAKER}\b|"
    r"\bi(?: am|['’]m) (chatgpt|gpt-?[345]|bing chat|google bard|open ?assistant|ernie bot|deepseek)\b|"
    r"\bi(?: am|['’]m) (claude|bard|gemini|qwen|llama|mistral|copilot|grok)(?:,? (?:an? (?:ai|large|language|virtual)"
    rf"|(?:the )?(?:ai|large language)|{_MADE} by\b|from {_MAKER}))"
)
"""Groups hold the name; a prompt that brings the same name has asked for it."""

_TOKENS = (
    r"<\|(?:im_start|im_end|im_sep|endoftext|end_of_text|begin_of_text|eot_id|eom_id|start_header_id|end_header_id|"
    r"system|user|assistant|end|pad|endofprompt|tool_call|python_tag|EOT|END_OF_TURN_TOKEN|START_OF_TURN_TOKEN)\|>|"
    r"<｜[^｜>\n]{1,30}｜>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS)\]"
)
_LABELS = (
    r"(?:^|\n)#{2,4} ?(?:Response|Instruction|Input|Human|Assistant|User) ?:|"
    r"#(?:The )?(?:Rewritten|Given|Created|New) Prompt#|"
    r"^\s*(?i:here(?: is|'s) (?:the|a|my) (?:rewritten|evolved|new) (?:prompt|instruction))"
)
SCAFFOLDING = rf"{_TOKENS}|</?s>\s*$|^\s*<s>|<unk>|{_LABELS}"
"""Control tokens and labels of chat templates, and what Evol-Instruct puts around a prompt."""
AT_THE_ENDS = rf"^\s*(?:{_TOKENS}|<s>)|(?:{_TOKENS}|</s>)\s*$"
"""Where a control token is a leak even in a text that shows code."""

LABEL_START = r"(?i)^\s*(?:#{1,4} ?|\*\*)?(?:output|response|completion|assistant|ai|bot)(?:\*\*)? ?:"
EXTRA_TURN = r"\n ?(?:#{1,4} ?|\*\*)?(?:Human|User|Question|Q|Student) ?:(?:\*\*)? ?\S"
"""A turn of the user within the answer ..."""
TURNS = r"dialog|conversation|chat|script|transcript|interview|scene|q ?& ?a|faq|quiz|question|human|user"
"""... unless the prompt speaks of such; in lower case."""
CODE = (
    r"```|(?m:[;{}][ \t]*$|^[ \t]*(?:def \w+\(|class \w+[:(]|import \w|from \w+ import |#include|public |return |"
    r"const |let |var |function |SELECT |INSERT |CREATE |</?[a-zA-Z]+[^>\n]*>))"
)
"""Signs of code; twice is code."""
