"""The command `tar` for archives that exist: lists, compares and extracts them as GNU tar does, without a program."""
