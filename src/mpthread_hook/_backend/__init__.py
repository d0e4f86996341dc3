"""Threads that answer as processes: one file per noun of the stdlib, each knowing only `_identity` and those before it."""
