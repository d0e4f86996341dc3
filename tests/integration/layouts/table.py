"""The layouts: what starts the interpreter, and which way in works there.

Said once, here: the tests run every cell of every layout that can be run, and the page of the docs shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: Ways in, in the order of the table's columns.
WAYS = ("sitecustomize", "wheel", "auto", "run")
TITLES = {
    "sitecustomize": "`sitecustomize.py` in the application",
    "wheel": "the installed wheel (`.pth`, `.start`)",
    "auto": "`import mpthread_hook.auto` first",
    "run": "`python -m mpthread_hook run`",
}

#: How a row of the table was found out.
REAL = "run here as it is"
SIMULATED = "simulated here"
READ = "read from source, not run"


@dataclass(frozen=True)
class Layout:
    """One way that an application is started; a way in that is not named does not exist there."""

    name: str
    what: str
    how: str
    ways: dict[str, bool] = field(default_factory=dict)
    note: str = ""


_ALL = {"sitecustomize": True, "wheel": True, "auto": True, "run": True}
_NO_PATH = {"sitecustomize": False, "wheel": True, "auto": True, "run": True}

LAYOUTS = (
    Layout("venv", "a virtual environment, `python script.py`, the application on `PYTHONPATH`", REAL, _ALL),
    Layout("python -s", "as before, without the user's site-packages", REAL, _ALL),
    Layout("python -P", "as before, without the script's folder on the path", REAL, _ALL),
    Layout(
        "python -E", "as before, with Python's variables ignored", REAL, _NO_PATH, "`PYTHONPATH` is ignored"
    ),
    Layout("python -I", "as before, isolated", REAL, _NO_PATH, "`PYTHONPATH` is ignored"),
    Layout(
        "python -S",
        "as before, without `site`",
        REAL,
        {"sitecustomize": False, "wheel": False, "auto": True, "run": True},
        "no start-up file runs at all",
    ),
    Layout(
        "zip",
        "everything in one zip file on `PYTHONPATH`",
        REAL,
        {"sitecustomize": True, "auto": True, "run": True},
    ),
    Layout(
        "stripped",
        "sources stripped to `.pyc` files",
        REAL,
        {"sitecustomize": True, "auto": True, "run": True},
        "tracebacks show no source lines",
    ),
    Layout(
        "read-only",
        "a bundle that nothing is written to, with `-B`",
        REAL,
        {"sitecustomize": True, "auto": True, "run": True},
    ),
    Layout(
        "isolated",
        "Briefcase for iOS, macOS, Windows and Flatpak: a C program with the isolated configuration, `app` on its path",
        SIMULATED,
        {"sitecustomize": True, "wheel": True, "auto": True},
        "`sitecustomize.py` runs before `app_packages` is on the path, and finds the package there all the same",
    ),
    Layout(
        "isolated, no site",
        "Briefcase for Linux system packages: the same with `site_import=0`",
        SIMULATED,
        {"sitecustomize": False, "wheel": True, "auto": True},
        "`app_packages` is added with `site.addsitedir`, which runs `.pth` files",
    ),
    Layout(
        "AppImage",
        "Briefcase for AppImage: `PYTHONPATH=app:app_packages python -u -s -X utf8 -c …`",
        SIMULATED,
        {"sitecustomize": True, "wheel": False, "auto": True},
        "`app_packages` is an entry of `PYTHONPATH`, where no `.pth` file is read",
    ),
    Layout(
        "Android",
        "Briefcase and Chaquopy for Android: paths arrive after the start, with a trigger on `multiprocessing`",
        SIMULATED,
        {"sitecustomize": False, "wheel": True, "auto": True},
        "the trigger raises if `multiprocessing` is loaded when it is set up: no way in loads it",
    ),
    Layout(
        "Lambda",
        "AWS Lambda and locked-down containers: a mount namespace without `/dev/shm`, no variable set",
        SIMULATED,
        {"sitecustomize": True, "wheel": True, "auto": True},
        "on by itself",
    ),
    Layout(
        "iOS",
        "the modules, functions and `sys.platform` of iOS, over this interpreter; no variable set",
        SIMULATED,
        {"sitecustomize": True, "auto": True},
        "on by itself; `Pool`, `ThreadPool`, `Manager` and `ProcessPoolExecutor` work",
    ),
    Layout(
        "briefcase dev",
        "`briefcase dev` and `briefcase dev --test`",
        REAL,
        {"sitecustomize": True, "wheel": True, "auto": True},
        "`PYTHONPATH` is overwritten with the parents of `sources`",
    ),
    Layout(
        "briefcase package",
        "`briefcase create`, `build`, `run --test` and `package linux system`",
        READ,
        {"sitecustomize": False, "wheel": True, "auto": True},
        "run only where `MPTHREAD_HOOK_BRIEFCASE_TEMPLATE` names the folder of a template",
    ),
    Layout(
        "pytest",
        "`pytest` with the plugin",
        REAL,
        {"auto": True, "run": True},
        "and `--mpthread`, see the plugin",
    ),
    Layout(
        "devices",
        "iOS, Android, watchOS, tvOS and visionOS on a device",
        READ,
        {"sitecustomize": True, "wheel": True, "auto": True},
        "as the layouts above that have their configuration",
    ),
)


def layout(name: str) -> Layout:
    """Return a layout by its name."""
    return next(one for one in LAYOUTS if one.name == name)
