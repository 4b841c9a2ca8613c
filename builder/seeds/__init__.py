"""Where a build begins: find the seeds (`source`), read them (`lines`, `tables`), recognise them (`shapes`).

seeds.jsonl:12   {"instruction": "Name three …", "output": "Apples, …"}
becomes          Seed([{role: user, content: "Name three …"}], "Apples, …")
"""

from builder.seeds.conversation import Unreadable
from builder.seeds.lines import Line
from builder.seeds.shapes import Seed, check_fields, recognise
from builder.seeds.source import Source, fingerprint, open_source

__all__ = ["Line", "Seed", "Source", "Unreadable", "check_fields", "fingerprint", "open_source", "recognise"]
