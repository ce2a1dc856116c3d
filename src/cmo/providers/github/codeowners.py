"""Who a CODEOWNERS file names.

Source: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re

MAX_OWNERS = 100
_OWNER = re.compile(r"@([A-Za-z0-9][A-Za-z0-9_-]{0,98})")


def parse_codeowners(text: str) -> tuple[str, ...]:
    """The logins named, in order, each once; teams (`@org/team`) and addresses name nobody we can look up."""
    owners: dict[str, str] = {}
    for row in text.splitlines():
        words = row.partition("#")[0].split()
        for word in words[1:]:
            match = _OWNER.fullmatch(word)
            if match:
                owners.setdefault(match[1].lower(), match[1])
    return tuple(owners.values())[:MAX_OWNERS]
