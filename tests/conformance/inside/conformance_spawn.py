"""The wrapper module of the spawn suite, for interpreters that do not ship one."""

from __future__ import annotations

from test._test_multiprocessing import install_tests_in_module_dict

install_tests_in_module_dict(globals(), "spawn")
