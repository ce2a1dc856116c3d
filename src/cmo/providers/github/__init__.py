"""GitHub: discovery of repositories and people."""

from cmo.providers.github.client import GitHub

__all__ = ["GitHub"]
