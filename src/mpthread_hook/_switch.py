"""What interpreter start-up loads: the switch and the finder, and nothing else.

`sitecustomize`, a ``.pth`` line, a ``.start`` file, `mpthread_hook.auto` and `mpthread_hook.enable()` all
end here.  The finder costs nothing until somebody imports `multiprocessing`; only then are the table, the
emulation and the backend loaded (`_hook.patching`).  Names used by start-up files (`start`,
`start_file`, `finder`, this module's own) are a contract between installed versions: never rename them.

The environment variable `MPTHREAD_HOOK` holds words, separated by commas:

* ``auto`` (as when it is not set): on where processes cannot work, off elsewhere (see `_hook.policy`);
* ``1``: on; ``0``: off, for every way in but `enable()` in code;
* ``strict``: what would be reported on stderr is raised, once the interpreter has started;
* ``debug``: each decision is printed to stderr;
* ``ps``: `mpthread_hook ps` may ask this program for its thread processes.
"""

# I002: `__future__` would be one more module at every start of every interpreter.  PLC0415: `os` is imported where
# it is used, since the finder keeps the names of this module until the interpreter's last moment, and to take `os`
# apart so late costs 3.11 one percent of its start.
# ruff: noqa: I002, PLC0415

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, PathFinder, SourceFileLoader
from _frozen_importlib_external import _compile_bytecode as _code  # type: ignore[attr-defined]
from _io import open_code
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, ModuleType

    Trigger = Callable[[str, Sequence[str] | None, ModuleType | None], ModuleSpec | None]

#: Top-level packages that are served.
ROOTS = frozenset(("multiprocessing", "_multiprocessing"))
VARIABLE = "MPTHREAD_HOOK"
_WORDS = frozenset(("auto", "1", "0", "strict", "debug", "ps", ""))

#: Values of `sys.platform` where a program cannot make processes, and what to call them.
PLATFORMS = {
    "ios": "iOS",
    "tvos": "tvOS",
    "watchos": "watchOS",
    "visionos": "visionOS",
    "android": "Android",
    "emscripten": "Emscripten",
    "wasi": "WASI",
}
#: What AWS Lambda sets in every function.
LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
#: Where the C libraries of Linux keep named semaphores; without it, `multiprocessing.Lock()` is an OSError.
SHM = "/dev/shm"
#: Ways in that an installed wheel brings along: without a sign, or a hint, they leave nothing behind.
_UNASKED = frozenset(("pth", "start"))


#: More bytes than any compiled file of ours has.
_LARGEST = 1 << 16


class Finder:
    """The one object that we put on `sys.meta_path`.

    ``triggers`` maps the names of foreign modules to what is called when one of them is imported; it is
    filled when the emulation is installed, and empty before.
    """

    def __init__(self) -> None:
        self.triggers: dict[str, Trigger] = {}

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Return a spec for a module that we serve, None for every other name."""
        trigger = self.triggers.get(fullname)
        if trigger is not None:
            return trigger(fullname, path, target)
        root = fullname.partition(".")[0]
        if root not in ROOTS:
            return _compiled(fullname, path) if root == __package__ and path else None
        # What is loaded here stays, so that the collector would go through it several times and find nothing.
        import gc

        collects = gc.isenabled()
        gc.disable()
        try:
            if not undecided or settle():
                # Not at the top: this is the second stage, which a program without multiprocessing never pays for.
                from ._hook import patching

                return patching.find_spec(fullname)
        except (Exception, SystemExit) as error:
            package = sys.modules.get(fullname.partition(".")[0])
            if type(getattr(package, "__loader__", None)).__module__.startswith(f"{__package__}."):
                raise  # one that is ours already cannot be made whole from the interpreter's own
            give_up(fullname, error)
        finally:
            if collects:
                gc.enable()
        # We have just left the list that the import goes through, so we go through the rest of it.
        return elsewhere(fullname, path, target)

    def invalidate_caches(self) -> None:
        """Nothing is cached here."""

    def __repr__(self) -> str:
        return "<mpthread_hook finder>"


class _Compiled(SourceFileLoader):
    """Loads a module of ours whose compiled file was read when it was looked for."""

    code: "CodeType | None" = None

    def get_code(self, fullname: str) -> "CodeType | None":
        """Return what was read, once; then what the file holds."""
        code, self.code = self.code, None
        return code or super().get_code(fullname)


def _compiled(fullname: str, path: "Sequence[str]") -> "ModuleSpec | None":
    """Return the spec of a module of ours with a compiled file that is up to date; else None.

    What importlib does to find a module takes longer than what most of ours do when they are loaded, and there
    are thirty.  Whatever is not the plain case (an archive, no cache) is left to the other finders.
    """
    if sys.flags.optimize or sys.pycache_prefix is not None:
        return None
    import os

    folder, name = path[0] + os.sep, fullname.rpartition(".")[2]
    return _read(fullname, folder, name) or _read(fullname, f"{folder}{name}{os.sep}", "__init__")


def _read(fullname: str, folder: str, file: str) -> "ModuleSpec | None":
    import os

    source = f"{folder}{file}.py"
    cached = f"{folder}__pycache__{os.sep}{file}.{sys.implementation.cache_tag}.pyc"
    loader = _Compiled(fullname, source)
    try:
        found = os.stat(source)
        with open_code(cached) as opened:
            data = opened.read1(_LARGEST)  # type: ignore[attr-defined]  # one call of the system, not four
        head = MAGIC_NUMBER + bytes(4)  # no flags: checked by time and size
        for number in (int(found.st_mtime), found.st_size):
            head += (number & 0xFFFFFFFF).to_bytes(4, "little")
        if data[:16] != head or len(data) == _LARGEST:
            return None
        loader.code = _code(memoryview(data)[16:], fullname, cached, source)
    except (ImportError, OSError, EOFError, ValueError, TypeError):
        return None
    spec = ModuleSpec(fullname, loader, origin=source, is_package=file == "__init__")
    spec.has_location, spec.cached = True, cached
    if spec.submodule_search_locations is not None:
        spec.submodule_search_locations.append(folder[:-1])
    return spec


finder = Finder()
#: Guards activation; re-entrant, because activation imports modules that may enable the hook themselves.
lock = RLock()
#: How the finder came to be there, in order and each once: "sitecustomize", "pth", "auto", "code" ...
ways_in: list[str] = []
#: Whether a start-up file turned the hook on; counts as one `enable()`.
started = False
#: Whether the first import of `multiprocessing` has still to find out if this platform needs us.
undecided = False
#: Whether a part of the package could not be loaded: start-up files do not try again, `enable()` does.
broken = False
#: Why the hook is on or off, in a sentence; empty before anybody asked.
sentence = ""
#: What went wrong on the way, each a line that was printed to stderr.
problems: list[str] = []
#: The sitecustomize files that ran: ours, then those that it hid.
ran: list[str] = []
#: What was imported before the first way in ran.
before: list[str] = []


def words() -> frozenset[str]:
    """Return what `MPTHREAD_HOOK` says, at this moment, with ``auto`` where it says neither on nor off."""
    import os

    said = frozenset(os.environ.get(VARIABLE, "").replace(" ", "").split(","))
    for word in said - _WORDS:
        problem(f"{VARIABLE} has a word {word!r} that is none of auto, 1, 0, strict, debug, ps; it is ignored")
    said &= _WORDS
    return said if said & {"1", "0"} else said | {"auto"}


def say(text: str) -> None:
    """Print one line to stderr; where there is none, do nothing."""
    try:
        if sys.stderr is not None:  # to `print`, None means stdout
            print("mpthread_hook:", text, file=sys.stderr)
    except Exception:  # a broken one: nothing at a start may fail
        pass


def problem(text: str) -> None:
    """Report what went wrong, once."""
    if text not in problems:
        problems.append(text)
        say(text)


def sign() -> "str | None":
    """Return a sentence on why processes cannot work here, from what can be seen at no cost; else None."""
    import os

    name = PLATFORMS.get(sys.platform)
    if name is None and hasattr(sys, "getandroidapilevel"):
        name = "Android"  # 3.12 and before call it "linux"
    if name is not None:
        return f"the platform is {name}, where a program cannot make processes"
    if LAMBDA in os.environ:
        return f"{LAMBDA} is set: AWS Lambda has no semaphores"
    if sys.platform == "linux" and not os.access(SHM, os.W_OK):
        return f"{SHM} is missing or read-only: the system gives no semaphores"
    return None


def hint() -> bool:
    """Return whether no file of `_multiprocessing` is in sight: reason enough to look closer later.

    Not a sign, since an importer of somebody else's may have it.
    """
    if "_multiprocessing" in sys.builtin_module_names:
        return False
    return PathFinder.find_spec("_multiprocessing") is None


def start(way: str) -> bool:
    """Turn the hook on if `MPTHREAD_HOOK` or the platform says so; returns whether it may serve something.

    The door of every start-up file.  May be called any number of times, through any number of doors; never
    raises, and never imports `multiprocessing`.
    """
    global broken, sentence, started, undecided
    if broken:
        return False
    try:
        with lock:
            _decide(way)
        if started and any(name in sys.modules for name in ROOTS):
            # Rare: somebody was faster than the start-up files.
            from ._hook import activation

            if not undecided or settle():
                activation.take_over_late()
        return started
    except (Exception, SystemExit) as error:
        sentence = f"off: {way} could not start it ({type(error).__name__}: {error})"
        problem(sentence[5:])
        started, undecided, broken = False, False, True
        if not getattr(sys.modules.get("mpthread_hook._hook.activation"), "_depth", 0):
            remove()
        return False


def start_file() -> None:
    """Do what ``start("start")`` does: entry points of ``.start`` files (PEP 829) take no arguments."""
    start("start")


def _decide(way: str) -> None:
    global sentence, started, undecided
    said = words()
    decided = closer = False
    if "0" in said:
        sentence = f"off: {VARIABLE} is 0"
    elif "1" in said:
        decided = True
        sentence = f"on: {VARIABLE} is 1"
    else:
        seen = sign()
        decided = seen is not None
        closer = not decided and (way not in _UNASKED or hint())
        if seen is not None:
            sentence = f"on: {seen}"
        elif closer:
            sentence = "not decided: the first import of multiprocessing looks closer"
        elif not sentence:
            sentence = (
                "off: nothing says that processes do not work here, and the wheel alone looks no closer"
            )
    if decided or closer:
        # What another way in found out stays as it is: the finder is there, and serves or is undecided.
        undecided = not decided if not started else undecided and not decided
        started = True
        install(way)
    if "debug" in said:
        say(f"{way}: {sentence}")


def settle() -> bool:
    """Find out, at the first served import, whether this platform needs us; if not, step aside."""
    global sentence, started, undecided
    from ._hook import policy  # only an undecided start pays for the probes

    on, found = policy.decide()
    with lock:
        if undecided:  # nobody else was faster
            undecided, sentence = False, found
            if "debug" in words():
                say(sentence)
            if not on:
                started = False
                ways_in.clear()
                remove()
        return finder in sys.meta_path


def give_up(fullname: str, error: BaseException) -> None:
    """Leave `multiprocessing` to the interpreter, with one line, because a part of this package is broken.

    Raises ImportError instead if somebody insists on us: `enable()` in code, or ``strict``.
    """
    global broken, sentence, started, undecided
    reason = f"the package cannot be loaded ({type(error).__name__}: {error})"
    activation = sys.modules.get("mpthread_hook._hook.activation")
    late = getattr(activation, "_early", None)  # then `start()` puts everything back, and says the line
    if late or getattr(activation, "_depth", 0) or "strict" in words():
        raise ImportError(f"mpthread_hook: {reason}", name=fullname) from error
    problem(f"{reason}; multiprocessing is the interpreter's own")
    started, undecided, broken = False, False, True
    _take_back()
    ways_in.clear()
    remove()
    sentence = f"off: {reason}"


def _take_back() -> None:
    """Undo what was patched, as far as the part of the package that does so can be loaded."""
    if "mpthread_hook._hook.patching" in sys.modules:
        try:
            from ._hook import activation

            activation._restore()
        except (Exception, SystemExit):  # it is broken as well: modules stay, but nothing patched does
            sys.modules["mpthread_hook._hook.patching"].undo()


def install(way: str = "code") -> bool:
    """Put the finder in front of `sys.meta_path`; returns False if it was there already.

    ``way`` says through which door (for `status` and `doctor`).  Never imports `multiprocessing`.
    """
    with lock:
        if not before:
            before.extend(sys.modules)
        if way not in ways_in:
            ways_in.append(way)
        if finder in sys.meta_path:
            return False
        sys.meta_path.insert(0, finder)
        return True


def elsewhere(
    fullname: str, path: "Sequence[str] | None", target: "ModuleType | None" = None
) -> "ModuleSpec | None":
    """Return the spec that the other finders have for a module."""
    for other in list(sys.meta_path):
        find = None if other is finder else getattr(other, "find_spec", None)
        spec: ModuleSpec | None = find(fullname, path, target) if find is not None else None
        if spec is not None:
            return spec
    return None


def complete() -> None:
    """Do the second stage if this is on and it has not been done, as for objects of an earlier time."""
    if (settle() if undecided else finder in sys.meta_path):
        from ._hook import patching  # the second stage

        patching.complete()


def remove() -> None:
    """Take the finder out again."""
    with lock:
        while finder in sys.meta_path:
            sys.meta_path.remove(finder)


def _relieve() -> None:
    """Take the place of what start-up files put on `sys.meta_path` to wait for this module."""
    # Each start-up file puts its own in front of the others'.
    for waiting in [one for one in reversed(sys.meta_path) if "mpthread_hook_waiting" in vars(type(one))]:
        ran.extend(waiting.ran)  # type: ignore[attr-defined]
        before.extend(() if before else waiting.before)  # type: ignore[attr-defined]
        start(waiting.mpthread_hook_waiting)  # type: ignore[attr-defined]
        # Last, so that no import in between meets neither of them.
        sys.meta_path.remove(waiting)


_relieve()
