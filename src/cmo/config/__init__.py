"""Settings and keys: where they come from, which layer wins, and what is wrong with them."""

from cmo.config.layers import Problem, Sources, find_paths, graphql_url, inspect, load
from cmo.config.secrets import CREDENTIALS, Secret, SecretStore, redact
from cmo.config.settings import MAILERS, SPECS, Origin, Settings

__all__ = [
    "CREDENTIALS",
    "MAILERS",
    "SPECS",
    "Origin",
    "Problem",
    "Secret",
    "SecretStore",
    "Settings",
    "Sources",
    "find_paths",
    "graphql_url",
    "inspect",
    "load",
    "redact",
]
