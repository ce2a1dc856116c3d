"""The LangGraph run: one agent node that loops on itself, over the store."""
