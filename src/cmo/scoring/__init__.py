"""How well a person fits: pure functions from what is known to a score with its reasons."""
