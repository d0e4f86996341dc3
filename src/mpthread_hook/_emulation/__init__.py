"""What a process has of its own outside multiprocessing, as illusions over the standard library.

One file per noun; each is laid on by rows of the table and knows only `_identity` and its neighbours.
"""
