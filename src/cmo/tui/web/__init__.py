"""The full screen in a browser: a guard, and behind it a process of `cmo tui` for each tab."""
