"""Rows of third parties, and of modules that are served only where the platform lacks them (``*``)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import Row

_WORKER = "mpthread_hook._adapters.ansible_worker"
_PLUGINS = "mpthread_hook._adapters.ansible_plugins"
_LOCAL = "mpthread_hook._adapters.ansible_local"
_SSH = "mpthread_hook._adapters.ansible_ssh"
_PERSISTENT = "mpthread_hook._adapters.ansible_persistent"
_SERIAL = "mpthread_hook._adapters.serial"
_LOKY = "mpthread_hook._adapters.loky"

# fmt: off
ROWS: tuple[Row, ...] = (
    ("pwd", "*", "threaded", "mpthread_hook._adapters.pwd", None, None, None, "Where the platform lacks it: one account, named by the environment."),
    ("grp", "*", "threaded", "mpthread_hook._adapters.grp", None, None, None, "Where the platform lacks it: one group, named as the account."),
    ("_posixshmem", "*", "threaded", "mpthread_hook._backend.posixshmem", None, None, None, "named memory is a file in the temporary directory"),
    ("_posixsubprocess", "*", "refused", "mpthread_hook._backend.posixsubprocess", None, None, None, "subprocess can be imported; starting a program raises OSError"),
    ("jinja2.environment", "", "threaded", "mpthread_hook._adapters.jinja", "install", None, None, "The code of a template is compiled once for all workers."),
    ("ansible.executor.process.worker", "", "threaded", _WORKER, "install", None, None, "A worker works on its own copy of the task, host, play context, loader and variables."),
    ("ansible.executor.module_common", "", "threaded", "mpthread_hook._adapters.ansible_compile", "install", None, (3, 12), "Modules are read by `ast.parse`, as that is safe in threads."),
    ("ansible.utils.display", "", "threaded", _WORKER, "install_display", None, None, "The queue that Display sends to is the worker's own."),
    ("ansible.parsing.vault", "", "threaded", "mpthread_hook._adapters.ansible_commands", "install_vault", None, None, "Where no program can be started, password scripts that are Python run in the program."),
    ("ansible.plugins.loader", "", "threaded", _PLUGINS, "install", None, None, "One thread at a time runs the code of a plugin; the local connection gets its patch there, and one to remote hosts is found where core has none that starts no program."),
    ("ansible.executor.interpreter_discovery", "", "threaded", _LOCAL, "install_discovery", None, None, "Modules that run in the program run on its interpreter."),
    ("ansible.executor.task_executor", "", "threaded", _PERSISTENT, "install", None, None, "Where no program can be started, the one that begins a persistent connection runs in the program."),
    ("ansible.module_utils.service", "", "threaded", _PERSISTENT, "install_fork", None, None, "The server of a persistent connection, which is forked in a thread process, is one."),
    ("ansible.utils.ssh_functions", "", "threaded", _SSH, "install_smart", None, None, "Where no program can be started, the connection `smart` is `ssh`, which then is ours."),
    ("loky.backend.resource_tracker", "", "threaded", _LOKY, "install_tracker", None, None, "Files, folders and semaphores are counted in the program; there is no tracker process."),
    ("loky.backend._posix_reduction", "", "threaded", _LOKY, "install_reduction", None, None, "A connection travels as it does in multiprocessing."),
    ("loky.backend.queues", "", "threaded", _LOKY, "install_queues", None, None, "They send what loky's pickler makes."),
    ("loky.backend.popen_loky_posix", "", "threaded", _LOKY, "install_popen", None, None, "A worker is a spawned child that is a thread process."),
    ("loky.backend.utils", "", "threaded", _LOKY, "install_utils", None, None, "Workers and their children are killed without asking the system for them."),
    ("loky.process_executor", "", "threaded", _LOKY, "install_executor", None, None, "What a worker notes down in the module is its own; the memory of the program is not taken for a worker's."),
    ("joblib.externals.loky.backend.resource_tracker", "", "threaded", _LOKY, "install_tracker", None, None, "Files, folders and semaphores are counted in the program; there is no tracker process."),
    ("joblib.externals.loky.backend._posix_reduction", "", "threaded", _LOKY, "install_reduction", None, None, "A connection travels as it does in multiprocessing."),
    ("joblib.externals.loky.backend.queues", "", "threaded", _LOKY, "install_queues", None, None, "They send what loky's pickler makes."),
    ("joblib.externals.loky.backend.popen_loky_posix", "", "threaded", _LOKY, "install_popen", None, None, "A worker is a spawned child that is a thread process."),
    ("joblib.externals.loky.backend.utils", "", "threaded", _LOKY, "install_utils", None, None, "Workers and their children are killed without asking the system for them."),
    ("joblib.externals.loky.process_executor", "", "threaded", _LOKY, "install_executor", None, None, "What a worker notes down in the module is its own; the memory of the program is not taken for a worker's."),
    ("loky.reusable_executor", "", "threaded", _LOKY, "install_reusable", None, None, "The executor that is used again is one of the process that asks."),
    ("joblib.externals.loky.reusable_executor", "", "threaded", _LOKY, "install_reusable", None, None, "The executor that is used again is one of the process that asks."),
    ("sphinx.util.parallel", "", "threaded", _SERIAL, "install_sphinx", None, None, "It works without processes, which would share what they change."),
    ("flake8.checker", "", "threaded", _SERIAL, "install_flake8", None, None, "It works without processes, which would share what they change."),
    ("pylint.lint.pylinter", "", "threaded", _SERIAL, "install_pylint", None, None, "It works without processes, which would share what they change."),
    ("billiard._ext", "", "stdlib", "mpthread_hook._adapters.multiprocess", "install_billiard", None, None, "billiard (celery) has real processes, and so the interpreter's own semaphores."),
    ("coverage.multiproc", "", "threaded", "mpthread_hook._adapters.coverage", "install", None, None, "Children are measured as threads of the program."),
    ("coverage.collector", "", "threaded", "mpthread_hook._adapters.coverage", "install_collector", None, None, "Who wants processes measured wants threads measured."),
    ("torch.utils.data._utils.worker", "", "threaded", "mpthread_hook._adapters.torch", "install", None, None, "A worker of a DataLoader is told about itself and no other."),
    ("django.test.runner", "", "threaded", _SERIAL, "install_django", None, None, "It works without processes, which would share what they change."),
    ("_multiprocess", "", "stdlib", "mpthread_hook._adapters.multiprocess", "install", None, None, "The package multiprocess has real processes, and so the interpreter's own semaphores."),
    ("filelock._core._fork", "os", "threaded", "mpthread_hook._backend.memory", "os_of_the_program", None, None, "It starts anew when the pid changes; here its state is shared."),
    ("psutil", "", "threaded", "mpthread_hook._adapters.psutil", "install", None, None, "It finds, signals and waits for thread processes; what it measures is the program's."),
)
