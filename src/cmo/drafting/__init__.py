"""Words for one person, bound to what is on record about them: pure functions from facts and templates to a draft."""
