"""The teachers a recipe can name: every LLM class distilabel has. Data only; nothing heavy is imported here."""

from __future__ import annotations

from typing import NamedTuple


class Provider(NamedTuple):
    """One line of the table: how a provider is reached."""

    llm: str
    """Class name in distilabel.models.llms."""
    key: str | None
    """Environment variable that holds the key; None where none is needed."""
    extra: str | None = None
    """Extra of this package that installs its client."""
    url: str | None = None
    """Base URL, where it speaks OpenAI's protocol: then it is asked directly, without distilabel's class."""


PROVIDERS: dict[str, Provider] = {
    "openai": Provider("OpenAILLM", "OPENAI_API_KEY", url="https://api.openai.com/v1"),
    "azure": Provider("AzureOpenAILLM", "AZURE_OPENAI_API_KEY"),
    "anthropic": Provider("AnthropicLLM", "ANTHROPIC_API_KEY", "anthropic"),
    "anyscale": Provider("AnyscaleLLM", "ANYSCALE_API_KEY", url="https://api.endpoints.anyscale.com/v1"),
    "cohere": Provider("CohereLLM", "COHERE_API_KEY", url="https://api.cohere.ai/compatibility/v1"),
    "groq": Provider("GroqLLM", "GROQ_API_KEY", url="https://api.groq.com/openai/v1"),
    "hf": Provider("InferenceEndpointsLLM", "HF_TOKEN", url="https://router.huggingface.co/v1"),
    "litellm": Provider("LiteLLM", None, "litellm"),
    "llamacpp": Provider("LlamaCppLLM", None, "llamacpp"),
    "mistral": Provider("MistralLLM", "MISTRAL_API_KEY", url="https://api.mistral.ai/v1"),
    "mlx": Provider("MlxLLM", None),
    "openrouter": Provider("OpenAILLM", "OPENROUTER_API_KEY", url="https://openrouter.ai/api/v1"),
    "ollama": Provider("OllamaLLM", None, "ollama"),
    "together": Provider("TogetherLLM", "TOGETHER_API_KEY", url="https://api.together.xyz/v1"),
    "transformers": Provider("TransformersLLM", None, "transformers"),
    "vertexai": Provider("VertexAILLM", None, "vertexai"),
    "vllm": Provider("vLLM", None, "vllm"),
    "vllm-server": Provider("ClientvLLM", None),
}

EMBEDDED = "embedded"
"""The teacher that computes its answers; it is no provider and needs nothing."""
