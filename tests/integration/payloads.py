"""Builds what Ansible sends to an interpreter: run as a script, it writes one payload per module to a folder.

``payloads.py FOLDER JSON``: the JSON maps file names to ``[module, arguments]``.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from typing import Any


def main(folder: str, wanted: dict[str, tuple[str, dict[str, Any]]]) -> None:
    """Write the payloads."""
    from ansible.executor.module_common import modify_module
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader, module_loader
    from ansible.template import Templar

    init_plugin_loader()
    variables = {"ansible_python_interpreter": sys.executable}
    # Releases differ in what else they want, and want nothing of it for such modules.
    known = inspect.signature(modify_module).parameters
    rest = {"async_timeout": 0, "environment": {}, "become_plugin": None, "shell_plugin": None}
    for name, (module, arguments) in wanted.items():
        built: Any = modify_module(
            module_name=module,
            module_path=module_loader.find_plugin(module),
            module_args={"_ansible_remote_tmp": folder, "_ansible_keep_remote_files": False, **arguments},
            templar=Templar(DataLoader(), variables),
            task_vars=variables,
            module_compression="ZIP_DEFLATED",
            **{key: value for key, value in rest.items() if key in known},
        )
        data = built.b_module_data if hasattr(built, "b_module_data") else built[0]
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
