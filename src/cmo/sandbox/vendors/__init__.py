"""The services that are written to: each a small, honest model of what its contract says, behind a door of its own."""
