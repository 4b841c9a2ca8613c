"""The embedded teacher: seed tasks, answers and near misses by computation. No model, no network.

for task in tasks(500, seed=7):
    answered = answer(task.messages)                  # Answer(text, family) or Refusal(reason, detail)
    verdict = verify(answered.text, task.checks)      # other code than the solver's
    misses = near_misses(task.messages, answered.text, task.checks, rng)
"""

from builder.embedded.task import Answer, NearMiss, NearMisses, Refusal, Slip, Task
from builder.embedded.teacher import answer, near_misses, tasks

VERSION = 2  # of the computation: raise it when an answer to some prompt changes

__all__ = [
    "VERSION",
    "Answer",
    "NearMiss",
    "NearMisses",
    "Refusal",
    "Slip",
    "Task",
    "answer",
    "near_misses",
    "tasks",
]
