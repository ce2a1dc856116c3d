"""All rules in the order in which they read a sentence: what could be mistaken for something else comes first."""

from __future__ import annotations

from cmo.domain.grammar.rules_how import HOW_RULES, ID_RULES
from cmo.domain.grammar.rules_repos import REPO_RULES
from cmo.domain.grammar.rules_size import SIZE_RULES, read_lone_number, read_target, read_version
from cmo.domain.grammar.rules_where import read_bare_place, read_place
from cmo.domain.grammar.rules_who import NAME_RULES, WHO_RULES
from cmo.domain.grammar.understood import Rule

RULES: tuple[Rule, ...] = (
    *ID_RULES,
    *HOW_RULES,
    read_version,
    *REPO_RULES,
    *SIZE_RULES,
    *WHO_RULES,
    read_place,
    read_target,
    read_bare_place,
    *NAME_RULES,
    read_lone_number,
)
