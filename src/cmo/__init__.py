"""cmo: outbound campaigns for developer-facing companies, run from a terminal."""

__version__ = "0.2.0"
