"""Three playbooks one after another through TaskQueueManager's Python API; a JSON line for every result."""

from __future__ import annotations

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.update(
    ANSIBLE_CALLBACK_PLUGINS=os.path.join(HERE, "callbacks"), ANSIBLE_STDOUT_CALLBACK="answers"
)  # read while Ansible is imported

from ansible import context
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.inventory.manager import InventoryManager
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.playbook import Playbook
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.manager import VariableManager


def main(hosts: int) -> None:
    """Play three times, each with objects of its own."""
    init_plugin_loader()
    asked = {"connection": "local", "forks": hosts, "check": False, "diff": False, "verbosity": 0}
    absent = ("module_path", "become", "become_method", "become_user", "start_at_task")
    context.CLIARGS = ImmutableDict(asked | dict.fromkeys(absent))
    for number in range(3):
        loader = DataLoader()
        inventory = InventoryManager(loader=loader, sources=",".join(f"h{n:02}" for n in range(hosts)) + ",")
        variables = VariableManager(loader=loader, inventory=inventory)
        variables.extra_vars.update(number=number, ansible_python_interpreter=sys.executable)
        (play,) = Playbook.load("api.yml", variable_manager=variables, loader=loader).get_plays()
        manager = TaskQueueManager(
            inventory=inventory, variable_manager=variables, loader=loader, passwords={}, forks=hosts
        )
        try:
            status = manager.run(play)
        finally:
            manager.cleanup()
            loader.cleanup_all_tmp_files()
        print(f"play {number} ended with {status}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
