"""The compared programs: one module for each topic, one function `case_…` for each program.

They are ordinary programs over `multiprocessing`: they know nothing of the hook, and print what they see.
"""
