"""Threads that answer as processes: one file per noun of the stdlib.

Each knows only `_identity` and those before it.
"""
