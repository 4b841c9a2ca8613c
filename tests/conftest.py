"""What every test stands on: no home of the user's, no Hub, no key of the user's; a ledger and a context when asked."""

import atexit
import os
import shutil
import tempfile

import pytest

# `datasets` and `huggingface_hub` read these once, when they are imported
_ELSEWHERE = tempfile.mkdtemp(prefix="builder-tests-")
atexit.register(shutil.rmtree, _ELSEWHERE, ignore_errors=True)
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
os.environ |= {"HOME": _ELSEWHERE, "XDG_CACHE_HOME": f"{_ELSEWHERE}/cache", "HF_HOME": f"{_ELSEWHERE}/hf"}

from builder.context import Context  # noqa: E402
from builder.ledger import Ledger  # noqa: E402
from builder.providers import PROVIDERS  # noqa: E402

_KEYS = {provider.key for provider in PROVIDERS.values() if provider.key}
_PROXIES = {name for scheme in ("http", "https", "all") for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")}


@pytest.fixture(autouse=True)
def _no_keys_no_proxies(monkeypatch):
    for name in _KEYS | _PROXIES | {"OPENAI_BASE_URL"}:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.db") as held:
        yield held


@pytest.fixture
def context(tmp_path, ledger):
    return Context(seed=7, base=tmp_path, ledger=ledger)
