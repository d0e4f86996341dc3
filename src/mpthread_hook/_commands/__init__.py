"""One module a subcommand of ``python -m mpthread_hook``: ``HELP``, ``add_arguments(parser)``, ``main(options)``."""
