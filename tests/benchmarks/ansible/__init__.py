"""The two Ansible benchmarks: ``python -m tests.benchmarks.ansible``."""
