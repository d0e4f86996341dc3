"""The playbook that ``python -m mpthread_hook demo`` plays, and its templates."""
