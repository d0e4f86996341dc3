"""A small shell for where none can be started: reads command lines and answers what needs no program."""
