"""One module a command of ``python -m mpthread_hook``: ``add_arguments(parser)`` and ``main(options)``."""
