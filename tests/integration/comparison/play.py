"""Runs in the interpreter under test: plays the named cases of one topic, one after the other.

``play.py TOPIC METHOD FOLDER LIMIT CASE…`` leaves in FOLDER what each case wrote (``CASE.out``, ``CASE.err``)
and one JSON line for each case in ``facts``: so the harness knows which case an interpreter died in.
"""

from __future__ import annotations

import sys


def main(topic: str, method: str, folder: str, limit: str, cases: list[str]) -> None:
    """Play the cases; each has `limit` seconds, after that the interpreter ends with a dump of its threads."""
    # Here, because spawned children import this file as well and need none of it.
    import faulthandler
    import importlib
    import json
    import multiprocessing
    import os
    import time
    import traceback

    multiprocessing.set_start_method(method)
    module = importlib.import_module(f"programs.{topic}")
    facts = open(f"{folder}/facts", "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - until the end
    dump = open(f"{folder}/dump", "a", encoding="utf-8")  # noqa: SIM115 - until the end
    quiet = os.open(os.devnull, os.O_WRONLY)
    for case in cases:
        began = time.monotonic()
        print(json.dumps({"begin": case}), file=facts)
        for fd, kind in ((1, "out"), (2, "err")):
            file = os.open(f"{folder}/{case}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(file, fd)
            os.close(file)
        faulthandler.dump_traceback_later(float(limit), exit=True, file=dump)
        try:
            getattr(module, case)()
        except BaseException:
            traceback.print_exc()
        left = multiprocessing.active_children()
        names = sorted(process.name for process in left)
        for process in left:
            process.kill()
        for process in left:
            process.join(5)
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        print(
            json.dumps({"end": case, "left": names, "seconds": round(time.monotonic() - began, 2)}),
            file=facts,
        )


if __name__ == "__main__":
    main(*sys.argv[1:5], sys.argv[5:])  # type: ignore[misc,arg-type]
