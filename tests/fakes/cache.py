"""A response cache in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cmo.providers.ports import CachedAnswer


@dataclass
class FakeCache:
    """Keeps what is put; `puts` counts the times it was asked to store something."""

    answers: dict[str, CachedAnswer] = field(default_factory=dict)
    puts: int = 0

    def get(self, keys: Sequence[str]) -> dict[str, CachedAnswer]:
        return {key: self.answers[key] for key in keys if key in self.answers}

    def put(self, answers: Mapping[str, CachedAnswer]) -> None:
        self.puts += 1
        self.answers.update(answers)
