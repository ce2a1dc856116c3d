"""The toolbelt: JSON in, JSON out, a page at a time. No store, no framework, no clock but the one given."""
