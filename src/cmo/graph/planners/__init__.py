"""Implementations of the planner port."""
