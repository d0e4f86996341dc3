"""Illusions that belong to one thread process each, over modules of the standard library; every one is a row of the table."""
