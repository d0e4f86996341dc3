"""Looks at a program's thread processes from outside: who there is, what each does, where it waits, and when.

`listing` says it of one moment, `answering` lets another program ask (`mpthread_hook ps`), `trace` writes a
timeline (`mpthread_hook run --trace FILE`).  Nothing here is loaded before somebody asks for it.
"""
