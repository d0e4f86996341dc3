"""Makes mpthread_hook ready before a program imports anything: put this file where `sys.path` finds it first.

`site` imports it at the start of the interpreter.  It does two things: it puts one small object on
`sys.meta_path`, which loads mpthread_hook when somebody first imports `multiprocessing`, and it runs the
`sitecustomize` that it hides.  It stands alone: it works beside the package (vendored), beside ``src``
(a checkout) and beside ``app_packages`` (Briefcase), also while the package cannot be imported yet.
An installed wheel has a copy under another name, which its .pth line imports when it sees a reason to; that one
does the first thing only.

Set `MPTHREAD_HOOK` to ``0`` and it only passes on; the package's `_switch` explains the other values.
"""

# Every interpreter pays for this file: no `__future__`, which is a module, and imports where they are needed.
# Not even `os` at the top: what stands on `sys.meta_path` keeps the names of this file until the interpreter's
# last moment, and to take `os` apart so late costs 3.11 as much as the rest of this file.
# ruff: noqa: I002, PLC0415, ARG002

import sys
from _frozen_importlib_external import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any

_SERVED = ("multiprocessing", "_multiprocessing")
#: The name of the wheel's copy.
_OF_THE_WHEEL = "_mpthread_hook_start"
_WAY = "pth" if __name__ == _OF_THE_WHEEL else "sitecustomize"
#: Words of `MPTHREAD_HOOK` for which the first import of `multiprocessing` is early enough.
_QUIET = ("auto", "1", "0", "strict", "ps", "")


class Waiting:
    """Stands on `sys.meta_path` until the first import of `multiprocessing`, then makes room for the hook.

    `mpthread_hook._switch` finds it by the attribute below and takes its place.
    """

    mpthread_hook_waiting = _WAY

    def __init__(self, ran: "list[str]") -> None:
        #: The sitecustomize files that were run, ours first.
        self.ran = ran
        #: What was imported before.
        self.before = list(sys.modules)

    def find_spec(self, fullname: str, path: "Any" = None, target: "Any" = None) -> "ModuleSpec | None":
        """Serve `multiprocessing` through the hook, and the package itself where `sys.path` lacks it."""
        if fullname.partition(".")[0] in _SERVED:
            return _hand_over(fullname, path)
        if fullname == "mpthread_hook" and PathFinder.find_spec(fullname) is None:
            import os

            here = os.path.dirname(os.path.realpath(__file__))
            return PathFinder.find_spec(fullname, [here, f"{here}/src", f"{here}/../app_packages"])
        return None

    def __repr__(self) -> str:
        return "<mpthread_hook, waiting for multiprocessing>"


def _say(text: str) -> None:
    try:
        if sys.stderr is not None:  # to `print`, None means stdout
            print("mpthread_hook:", text, file=sys.stderr)
    except Exception:  # a broken one: nothing at a start may fail
        pass


def _hand_over(fullname: str, path: "Any") -> "ModuleSpec | None":
    try:
        from mpthread_hook import _switch
    except (Exception, SystemExit) as error:
        import os

        reason = f"the package cannot be loaded ({type(error).__name__}: {error})"
        if "strict" in os.environ.get("MPTHREAD_HOOK", ""):
            text = f"mpthread_hook: {reason}, and MPTHREAD_HOOK is strict"
            raise ImportError(text, name=fullname) from error
        sys.meta_path[:] = [one for one in sys.meta_path if "mpthread_hook_waiting" not in vars(type(one))]
        _say(f"{reason}; multiprocessing is the interpreter's own")
    else:
        # It has taken this object's place, and decides now whether it serves anything.
        if _switch.finder in sys.meta_path:
            return _switch.finder.find_spec(fullname, path)
    # This object has just left the list that the import goes through, so it goes through the rest of it.
    specs = (finder.find_spec(fullname, path, None) for finder in list(sys.meta_path))
    return next((spec for spec in specs if spec is not None), None)


def _start(ran: "list[str]", *, now: bool = False) -> None:
    """Wait for `multiprocessing`, if nobody does so on behalf of this way in; start it at once if that is due."""
    try:
        switch: Any = sys.modules.get("mpthread_hook._switch")
        if switch is None:
            if any(vars(type(one)).get("mpthread_hook_waiting") == _WAY for one in sys.meta_path):
                return
            sys.meta_path.insert(0, Waiting(ran))
            if not now and _SERVED[0] not in sys.modules and _SERVED[1] not in sys.modules:
                return
            # Rare: a .pth line came first and imported it; what that did is put right at once.
            from mpthread_hook import _switch as switch
        switch.start(_WAY)
    except (Exception, SystemExit) as error:
        _say(f"{_WAY} could not start it ({type(error).__name__}: {error})")


def _may_hold(entry: str) -> bool:
    # Cheaper than a finder, which lists the folder: that may hold thousands of files, and be slow to reach.
    # And `access` raises nothing for what is missing, which is the rule here.
    import os

    name, has = f"{entry}/sitecustomize", os.access
    try:
        return has(f"{name}.py", 0) or has(f"{name}.pyc", 0) or has(name, 0) or os.path.isfile(entry)
    except ValueError:  # no name of a file: a null character, a lone surrogate
        return False


def _pass_on(ran: "list[str]", entries: "list[str]") -> None:
    """Run the next sitecustomize that was not run yet; other names of one place count as one."""
    import os

    done = [os.path.realpath(file) for file in ran]
    for entry in entries:
        spec = PathFinder.find_spec("sitecustomize", [entry])
        if spec is not None and spec.loader is not None and os.path.realpath(str(spec.origin)) not in done:
            from _frozen_importlib import module_from_spec

            ran.append(str(spec.origin))
            # Who asks for `sitecustomize` means theirs.  What it raises is theirs, and shows as without us.
            module = sys.modules["sitecustomize"] = module_from_spec(spec)
            spec.loader.exec_module(module)
            return


def _main() -> None:
    import os

    said = os.environ.get("MPTHREAD_HOOK", "auto").replace(" ", "").split(",")
    if _WAY == "pth":
        # "debug", and a word that is none, are answered at once, also where it stays off.
        now = not all(word in _QUIET for word in said)
        if now or "0" not in said:
            _start([], now=now)
        return
    # Several copies of this file, or a neighbour that passes on as this one does, may call each other: what
    # was run is noted for all of them, for as long as the outermost one runs.
    ran = vars(sys).setdefault("_mpthread_hook_ran", [])
    outermost = not ran
    ran.append(__file__)
    try:
        if "0" not in said:
            _start(ran)
        if "debug" in said:
            _say(f"{__file__} ran")
        here = os.path.dirname(__file__)
        rest = sys.path[sys.path.index(here) + 1 :] if here in sys.path else sys.path
        rest = [entry for entry in rest if _may_hold(entry)]
        if rest:
            _pass_on(ran, rest)
    finally:
        if outermost:
            del sys._mpthread_hook_ran  # type: ignore[attr-defined]


_main()
