#!/usr/bin/python
"""Calls the persistent connection of its task."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.connection import Connection, ConnectionError


def main() -> None:
    """Call one function of the connection."""
    module = AnsibleModule(argument_spec={"call": {"default": "count"}, "with": {"type": "list", "default": []}})
    connection = Connection(module._socket_path)
    try:
        said = getattr(connection, module.params["call"])(*module.params["with"])
    except ConnectionError as error:
        module.fail_json(msg=str(error))
    module.exit_json(said=said)


main()
