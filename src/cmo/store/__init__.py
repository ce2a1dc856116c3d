"""The database edge: the only SQL. SQLite now, in portable statements behind domain verbs."""
