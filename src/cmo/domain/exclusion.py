"""Whether a repository is one of those the operator does not want."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cmo.domain.lead import Repo

_WHOLE_UP_TO = 3
"""Letters up to which a word must stand alone: `ai` is not in `maintain`."""


def is_excluded(repo: Repo, words: Sequence[str]) -> bool:
    """Whether the name, description or topics of `repo` have one of `words`; several words match in any spelling."""
    text = " ".join((repo.full_name, repo.description, *repo.topics)).lower()
    return any(_names(text, word.lower().strip()) for word in words)


def _names(text: str, word: str) -> bool:
    """Whether `text` has a word that starts with `word`; a short one must be the whole word."""
    end = r"(?![a-z0-9])" if len(word) <= _WHOLE_UP_TO else ""
    pattern = r"[\s_-]+".join(re.escape(part) for part in re.split(r"[\s_-]+", word) if part)
    return bool(pattern) and re.search(rf"(?<![a-z0-9]){pattern}{end}", text) is not None
