#!/usr/bin/python
"""A module of the tests: leaves a mark on disk, sleeps on request and reports what it sees of its process."""

from __future__ import annotations

import os
import time

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path"},
            "seconds": {"type": "float", "default": 0.0},
            "variable": {"type": "str"},
            "end": {
                "type": "str",
                "choices": ["return", "fail", "raise", "exit", "garbage"],
                "default": "return",
            },
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    changed = False
    if path and not os.path.exists(path):
        changed = True
        if not module.check_mode:
            with open(path, "w", encoding="utf-8") as file:
                file.write("mark\n")
    time.sleep(module.params["seconds"])
    end = module.params["end"]
    if end == "fail":
        module.fail_json(msg="asked to fail")
    if end == "raise":
        raise ValueError("asked to raise")
    if end == "exit":
        os._exit(3)
    if end == "garbage":
        print("no JSON at all")
        return
    variable = module.params["variable"]
    module.exit_json(changed=changed, value=os.environ.get(variable) if variable else None)


if __name__ == "__main__":
    main()
