"""The nouns of cmo: frozen models and pure functions. No I/O, no clock."""
