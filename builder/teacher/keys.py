"""Keys: found in the environment, never in a recipe, and never sent to a server they were not made for."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from builder.config import TeacherConfig
from builder.errors import InputError, Problem
from builder.providers import PROVIDERS


def find_key(config: TeacherConfig, name: str) -> str:
    """Find a teacher's key in the environment; "not-needed" where none is.

    A URL gets a key only if the recipe names one (key_env), or if it is on this machine: a provider's key must not
    travel to whatever server a recipe happens to name.

    Args:
        config: the teacher.
        name: what to call it in an error.

    Raises:
        InputError: the variable is empty, or what it holds cannot be a key.
    """
    provider = config.provider or "openai"
    variable = config.key_env or PROVIDERS[provider].key
    key = os.environ.get(variable, "").strip() if variable else None
    if key and not (key.isascii() and key.isprintable()):  # not shown; a client would show it
        raise InputError(f"teacher {name}: what ${variable} holds is no key: a character is out of place")
    if config.key_env is None and config.url:
        local = urlsplit(config.url).hostname in ("localhost", "127.0.0.1", "::1")
        return key if local and key else "not-needed"
    if variable and not key:
        raise InputError([Problem("", 0, f"teacher {name}: no key found in ${variable}", f"export {variable}=…")])
    return key or "not-needed"
