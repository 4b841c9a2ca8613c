"""The ledger: a SQLite file that holds every call to a teacher, so that no answer is lost or paid for twice.

A call is keyed by everything that is sent and by which draw it is:

    k1:6c0e…  {"provider": "openai", "base_url": …, "model": …, "messages": […], "arguments": {…}, "draw": 0}

    store      the file: what is held, what is begun, how it ended
    migrations its tables, append only
    recorder   many small records in one transaction, off the critical path
    batches    what lies at a provider's batch API
    sessions   who is asking, and whether that process still lives
    history    what was spent, how long answers were
    moves      verify, export, import
"""

from builder.ledger.store import KEY_VERSION, Answer, Begun, Ledger, Usage, call_key

__all__ = ["KEY_VERSION", "Answer", "Begun", "Ledger", "Usage", "call_key"]
