"""``doctor``: what this interpreter is, which way in ran, what every probe says, and the one thing to do."""

from __future__ import annotations

import json
import os
import platform
import site
import sys
import sysconfig
from importlib.machinery import PathFinder

from .. import __version__, _switch, _table
from .._hook import activation, late, policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from importlib.machinery import ModuleSpec
    from typing import Any

    Facts = dict[str, Any]

_FLAGS = ("isolated", "ignore_environment", "no_site", "no_user_site", "safe_path", "dont_write_bytecode")
_PTH = "00-mpthread_hook.pth"
_START = "00-mpthread_hook.start"
_MARK = "mpthread_hook_waiting"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the form of the answer."""
    parser.add_argument("--json", action="store_true", help="print everything that was found, as JSON")
    parser.epilog = "Exit status: 0 if nothing is wrong, 1 if there is something to do."


def main(options: argparse.Namespace) -> int:
    """Print what was found; returns 1 if there is something to do."""
    facts = collect()
    if options.json:
        print(json.dumps(facts, indent=2))
    else:
        _print(facts)
    return 1 if facts["problems"] else 0


def collect() -> Facts:
    """Return everything that was found, as plain data; imports no `multiprocessing`."""
    # What was imported before the first way in: nobody asked for it if only this command loaded the package.
    facts: Facts = {
        "versions": _versions(),
        "platform": {
            "sys.platform": sys.platform,
            "machine": platform.machine(),
            "executable": sys.executable,
            "prefix": sys.prefix,
            "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
            "gil": bool(getattr(sys, "_is_gil_enabled", lambda: True)()),
            "flags": [name for name in _FLAGS if getattr(sys.flags, name, 0)],
        },
        "status": activation.status(),
        "switch": {"variable": os.environ.get(_switch.VARIABLE), "words": sorted(_switch.words())},
        # When the first of them ran: a clean start has loaded some thirty modules by then.
        "modules_before": len(_switch.before),
        "imported_before": _imported_before(),
        "start_up_files": _start_up_files(),
        "probes": {
            name: dict(zip(("works", "says"), policy.probe(name), strict=True)) for name in policy.PROBES
        },
        "adapters": _adapters(),
    }
    decision, sentence = policy.decide()
    facts["policy"] = {"on": decision, "says": sentence}
    facts["problems"] = [{"problem": problem, "do": remedy} for problem, remedy in _problems(facts)]
    return facts


def _versions() -> dict[str, str | None]:
    try:
        import importlib_metadata as metadata  # noqa: PLC0415 - a vendored copy may be without it
    except ImportError:
        from importlib import metadata  # type: ignore[no-redef]  # noqa: PLC0415
    found: dict[str, str | None] = {"python": platform.python_version(), "mpthread_hook": __version__}
    for name in ("mpthread_hook", "ansible-core", "pytest", "importlib-metadata"):
        key = "mpthread_hook, as installed" if name == "mpthread_hook" else name
        try:
            found[key] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[key] = None
    return found


def _imported_before() -> list[str]:
    """Return the modules, outside of the standard library, that were there before the first way in."""
    return [
        name
        for name in _switch.before
        if name.partition(".")[0] not in sys.stdlib_module_names
        and name.partition(".")[0] not in ("__main__", "mpthread_hook", "sitecustomize")
    ]


def _site_folders() -> list[str]:
    folders = [entry for entry in sys.path if os.path.basename(entry) in ("site-packages", "dist-packages")]
    user = site.getusersitepackages() if site.ENABLE_USER_SITE else None
    return [folder for folder in dict.fromkeys([*folders, user]) if folder and os.path.isdir(folder)]


def _current_folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


def _start_up_files() -> list[dict[str, Any]]:
    """Return the start-up files that this interpreter would find, and whether they are ours."""
    found = []
    # `python -m` put the current folder there, after the start.
    entries = sys.path[1:] if sys.path[:1] == [_current_folder()] else sys.path
    for entry in dict.fromkeys(entries):
        # Through the finder, because an entry may be a zip file, and the file a .pyc or a package.
        spec = PathFinder.find_spec("sitecustomize", [entry])
        if spec is not None and spec.loader is not None:
            found.append({"file": str(spec.origin), "ours": _is_ours(spec)})
    for folder in _site_folders():
        found += [
            {"file": os.path.join(folder, name), "ours": True}
            for name in (_PTH, _START)
            if os.path.isfile(os.path.join(folder, name))
        ]
    return found


def _is_ours(spec: ModuleSpec) -> bool:
    try:
        return _MARK.encode() in spec.loader.get_data(spec.origin)  # type: ignore[union-attr]
    except (OSError, AttributeError):
        return False


def _adapters() -> list[dict[str, Any]]:
    """Return the third-party modules that the table adapts, and whether they could be imported here."""
    from importlib.util import find_spec  # noqa: PLC0415 - only this command needs it

    found: dict[str, dict[str, Any]] = {}
    for row in _table.all_rows():
        top = row[_table.MODULE].partition(".")[0]
        if (row[_table.HOME] or "").startswith("mpthread_hook._adapters."):
            found.setdefault(top, {"package": top, "installed": find_spec(top) is not None, "rows": 0})[
                "rows"
            ] += 1
    return list(found.values())


# ---------------------------------------------------------------------------------------------------------
# What is wrong, and the one thing to do


def _problems(facts: Facts) -> list[tuple[str, str]]:
    return [*_problems_of_the_decision(facts), *_problems_of_the_start(facts), *_problems_of_late(facts)]


def _problems_of_the_decision(facts: Facts) -> list[tuple[str, str]]:
    found = []
    state = facts["status"]
    failing = [
        probe
        for name, probe in facts["probes"].items()
        if name in policy.DECIDING and probe["works"] is False
    ]
    if failing and "0" in facts["switch"]["words"]:
        text = f"{_switch.VARIABLE} is 0, although {failing[0]['says']}"
        found.append((text, f"remove {_switch.VARIABLE} from the environment"))
    elif facts["policy"]["on"] and not state["enabled"]:
        says = facts["policy"]["says"].partition(": ")[2]
        text = f"it ought to be on ({says}), but no way in ran in this interpreter"
        found.append((text, "make `import mpthread_hook.auto` the first line of the program"))
    if facts["probes"]["threads"]["works"] is False:
        text = facts["probes"]["threads"]["says"]
        found.append((text, "use an interpreter with threads; nothing can run in the background without"))
    return found


def _problems_of_the_start(facts: Facts) -> list[tuple[str, str]]:
    found = [
        (text, "mend what the line names; it was printed at the start as well")
        for text in facts["status"]["problems"]
    ]
    files, flags = facts["start_up_files"], facts["platform"]["flags"]
    sites = [one for one in files if os.path.basename(one["file"]).startswith("sitecustomize")]
    ran = facts["status"]["sitecustomize"]
    if sites and not sites[0]["ours"] and any(one["ours"] for one in sites) and not ran:
        ours = next(one["file"] for one in sites if one["ours"])
        text = f"{sites[0]['file']} hides {ours}, which therefore does not run"
        found.append(
            (text, f"put {os.path.dirname(ours)} before {os.path.dirname(sites[0]['file'])} on the path")
        )
    if "no_site" in flags and files:
        text = f"-S keeps every start-up file from running: {files[0]['file']}"
        found.append((text, "make `import mpthread_hook.auto` the first line of the program"))
    versions = facts["versions"]
    installed = versions["mpthread_hook, as installed"]
    if installed is not None and installed != versions["mpthread_hook"]:
        text = f"version {versions['mpthread_hook']} runs, but the installed one is {installed}"
        found.append((text, "remove one of the two"))
    return found


def _problems_of_late(facts: Facts) -> list[tuple[str, str]]:
    found = []
    state = facts["status"]
    if state["early_modules"] and facts["status"]["started"]:
        blame = facts["imported_before"]
        text = f"multiprocessing was imported before the first way in ran ({state['ways_in'][0]})"
        if blame:
            text += f"; these had been imported: {', '.join(blame[:12])}"
        found.append((text, "let a start-up file that sorts earlier, or sitecustomize.py, do it"))
    found += [
        (
            f"{one['module']}.{one['name']} ({one['file']}) holds {one['what']}: the interpreter's own",
            f"import {one['module']} after the hook is enabled, or enable it with late='rebind'",
        )
        for one in state["early_references"]
        if not one["redirected"]
    ]
    return found


# ---------------------------------------------------------------------------------------------------------
# For people


def _taken(state: Facts) -> str:
    references = state["early_references"]
    lines = [late.describe(references)] if references else []
    lines += [f"  {name}: follows" for name in state["early_functions"]]
    return "".join(f"\n{line}" for line in lines)


def _print(facts: Facts) -> None:
    state, platform_facts = facts["status"], facts["platform"]
    print(
        "Versions: "
        + ", ".join(f"{name} {version or 'not installed'}" for name, version in facts["versions"].items())
    )
    kind = "free-threaded, " * platform_facts["free_threaded"]
    print(
        f"Platform: {platform_facts['sys.platform']}, {kind}{platform_facts['machine']}, "
        f"{platform_facts['executable']}"
    )
    print(f"Flags: {', '.join(platform_facts['flags']) or 'none that matter'}")
    print(f"Hook: {state['reason']}")
    print(
        f"{_switch.VARIABLE}: {facts['switch']['variable'] or 'not set'}; "
        f"the policy says: {facts['policy']['says']}"
    )
    print(f"Ways in that ran: {', '.join(state['ways_in']) or 'none'}")
    for index, file in enumerate(state["sitecustomize"]):
        print(f"  sitecustomize {'that ran' if not index else 'that it passed on to'}: {file}")
    if state["ways_in"]:
        names = ", ".join(facts["imported_before"]) or "none"
        print(
            f"Imported before them: {facts['modules_before']} modules, of others than the interpreter: {names}"
        )
    print(f"Taken early from multiprocessing:{_taken(state) or ' nothing'}")
    print("Start-up files on the path:")
    for one in facts["start_up_files"]:
        print(f"  {one['file']} ({'ours' if one['ours'] else 'not ours'})")
    print("Probes:")
    for name, probe in facts["probes"].items():
        works = {True: "yes", False: "no", None: "-"}[probe["works"]]
        print(f"  {name}: {works}: {probe['says']}")
    print(
        "Adapters: "
        + "; ".join(
            f"{one['package']} ({one['rows']} rows, {'present' if one['installed'] else 'absent'})"
            for one in facts["adapters"]
        )
    )
    if not facts["problems"]:
        print("Nothing is wrong.")
    for one in facts["problems"]:
        print(f"Problem: {one['problem']}\n  Do this: {one['do']}")
