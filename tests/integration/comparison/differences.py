"""The documented differences: what a program can tell about threads in place of processes, and why.

The reference page of the docs is made of these rows, and the comparison holds them strictly both ways: a
case may differ in exactly the lines that a row names, and a row whose case does not differ is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Difference:
    """One row: what differs, why it must for any design on threads, and where it shows.

    `shows` gives, for each case, the lines that differ, in the order of the output: "- " what the stock
    package writes, "+ " what the hook does; ``*`` in a line stands for anything.  A label may end in the
    start method, as "topic.case[fork]", where the lines are not the same for both.
    """

    key: str
    title: str
    stock: str
    hook: str
    reason: str
    advice: str = ""
    shows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    methods: tuple[str, ...] = ("fork", "spawn")
    since: tuple[int, int] = (3, 11)
    until: tuple[int, int] = (9, 9)

    def lines(self, label: str, method: str, version: tuple[int, int]) -> tuple[str, ...] | None:
        """Return the lines in which a case must differ on this interpreter, None if the row is silent."""
        if method not in self.methods or not self.since <= version < self.until:
            return None
        return self.shows.get(f"{label}[{method}]", self.shows.get(label))

    def labels(self) -> set[str]:
        """Return the labels of the cases that the row names."""
        return {label.partition("[")[0] for label in self.shows}


def agree(expected: tuple[str, ...], lines: list[str]) -> bool:
    """Tell whether a case differs in the very lines that a row names."""
    return len(expected) == len(lines) and all(map(_same, lines, expected))


def _same(line: str, expected: str) -> bool:
    return fnmatchcase(line.rstrip(), expected.rstrip().replace("[", "[[]"))


def row_for(label: str, method: str, version: tuple[int, int]) -> tuple[Difference, tuple[str, ...]] | None:
    """Return the row that speaks of a case and the lines it names, if there is one."""
    for row in DIFFERENCES:
        lines = row.lines(label, method, version)
        if lines is not None:
            return row, lines
    return None


_ABANDONED = (
    "+ err: AbandonedThreadWarning: thread process '{}' (pid …) was ended while blocked in foreign code*"
)

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        key="memory",
        title="Memory is shared",
        stock="A child changes copies of the objects of its parent.",
        hook="A child changes the objects themselves, unless they travelled by pickle (spawn, queues, pipes).",
        reason="Threads share their memory; that is the difference between a thread and a process.",
        advice="Pass a copy, use spawn, or return results through a queue instead of changing arguments and globals.",
        shows={
            "values.arguments_are_copies_for_fork": ("- out: [1] [4] False", "+ out: [1, 2] [4, 5] True"),
            "values.globals_are_copies": ("- out: True", "+ out: False"),
            "values.objects_in_attributes[fork]": ("- out: [1] 0", "+ out: [1, 2] 0"),
            "values.local_functions": ("- out: []", '+ out: ["the child\'s"]'),
            "stopped.lock_of_threads_is_not_shared": (
                "- out: True",
                "+ out: False",
                "- out: True",
                "+ out: False",
            ),
            "streams.parents_redirection_is_inherited": (
                "- out: StringIO ''",
                "+ out: StringIO 'from the child\\n'",
            ),
        },
    ),
    Difference(
        key="module-state",
        title="The state of modules is one for all",
        stock="Warning filters, the default timeout of sockets and the like are set for one process.",
        hook="They are set for the whole program.",
        reason="They are globals of modules, and modules are in the memory that threads share.",
        advice="Set them before the first child starts, or pass timeouts and filters where they are used.",
        shows={
            "environment.warning_filters": ("- out: True", "+ out: False"),
            "environment.socket_default": ("- out: None", "+ out: 3.0"),
        },
    ),
    Difference(
        key="system-state",
        title="What the system keeps for a whole process is one for all",
        stock="Locale, time zone, resource limits and the settings of the interpreter are set for one process.",
        hook="They are set for the whole program.",
        reason="The system and the interpreter have one of each in a process, whatever its threads.",
        advice="Set them in the program before the first child starts.",
        shows={
            "environment.locale": ("- out: True", "+ out: False"),
            "environment.interpreter_settings": ("- out: True", "+ out: False"),
            "environment.resource_limits": ("- out: True", "+ out: False"),
            "environment.time_zone": ("- out: ('JST', 'JST') 9", "+ out: ('UTC', 'UTC') 0"),
        },
    ),
    Difference(
        key="foreign-code",
        title="A child that is blocked in foreign C code is abandoned",
        stock="A signal ends a process whatever it does.",
        hook="The child is declared dead, with the right exit code, and what it held is released; its thread stays "
        "where it is until the call returns. A warning names it.",
        reason="No platform can end one thread from outside without harm to the others.",
        advice="Give blocking calls of foreign libraries a timeout; wait for pipes by select() or a selector.",
        shows={
            "stopping.stop_what_is_blocked_in_foreign_code": (_ABANDONED.format("child"),) * 2,
        },
    ),
    Difference(
        key="job-control",
        title="A child cannot be stopped and continued",
        stock="SIGSTOP holds a process until SIGCONT.",
        hook="Both do nothing.",
        reason="A thread cannot be held from outside.",
        shows={
            "signals.stop_and_continue": ("- out: True", "+ out: False"),
        },
    ),
    Difference(
        key="kernel-view",
        title="The system does not know the children",
        stock="The kernel knows every pid: pidfd_open(), /proc, ps and native thread ids agree with os.getpid().",
        hook="Pids of children are known to the functions that the hook patches, and to nothing outside the program.",
        reason="For the system there is one process.",
        advice="Wait by Process.sentinel, join() or os.waitpid() instead of a pidfd.",
        shows={
            "identity.native_id": ("- out: True", "+ out: False"),
            "waiting.pidfd": ("- out: 2", "+ out: [Errno 3] No such process", "+ out: child: exit code 2"),
        },
    ),
    Difference(
        key="thread-locals",
        title="Thread-local values are not inherited",
        stock="The main thread of a forked child has the values of the thread that called start().",
        hook="It is a new thread and starts without values, as under spawn.",
        reason="Nobody can enumerate another thread's local values.",
        advice="Pass what the child needs as an argument, or use a context variable, which is inherited.",
        methods=("fork",),
        shows={"hooks.thread_locals_are_inherited": ("- out: the parent's", "+ out: unset")},
    ),
    Difference(
        key="held-by-threads",
        title="A lock that another thread of the parent holds is waited for",
        stock="After a fork logging makes its locks anew, since the thread that held one does not exist in the child.",
        hook="The child waits until that thread releases it.",
        reason="The handler and the thread that uses it are shared and alive; taking its lock away would break it.",
        methods=("fork",),
        shows={
            "hooks.logging_locks_are_free": (
                "- out: the child could log True",
                "+ out: the child could log False",
            ),
        },
    ),
    Difference(
        key="parents-threads",
        title="Threads of the parent are alive for a forked child that asks them",
        stock="A forked child finds the thread objects of its parent dead.",
        hook="They answer is_alive() with the truth, but are not in threading.enumerate().",
        reason="The thread object is shared, and its thread does run.",
        methods=("fork",),
        shows={"hooks.parents_threads_are_not_there": ("- out: False False", "+ out: True False")},
    ),
    Difference(
        key="open-files",
        title="A file object of the parent is the parent's own",
        stock="A forked child has a copy of every open file and closes that.",
        hook="A child that closes a file object of its parent closes it for the parent, too.",
        reason="The object, with its buffer, is in the memory that threads share.",
        advice="Let the child open files by name.",
        methods=("fork",),
        shows={
            "handles.open_file": (
                "- out: False",
                "- out: parent, child, parent again",
                "+ out: True",
                "+ err: Traceback (most recent call last):",
                '+ err:   File "play.py"*',
                "+ err:     getattr(module, case)()",
                '+ err:   File "handles.py"*',
                '+ err:     file.write("parent again")',
                "+ err: ValueError: I/O operation on closed file.",
            ),
        },
    ),
    Difference(
        key="exact-sentinel",
        title="A sentinel is ready when its child has ended",
        stock="The sentinel of a forked child is not ready while a child of that child lives, which inherited it; "
        "join() with a timeout waits in vain.",
        hook="It is ready at once.",
        reason="Nothing inherits the sentinel; the stock package's answer is an accident of descriptors.",
        methods=("fork",),
        shows={"handles.sentinel_with_a_live_grandchild": ("- out: 0 False", "+ out: 0 True")},
    ),
    Difference(
        key="waited-for-by-pid",
        title="A child that was waited for by os.waitpid() keeps its exit code",
        stock="Its process object takes it for alive ever after, with no exit code.",
        hook="Its process object knows the exit code.",
        reason="Both read one record; the stock package has lost what the system tells once only.",
        shows={
            "waiting.process_object_after_waitpid": (
                "- out: None True None True",
                "+ out: 3 False None False",
            )
        },
    ),
    Difference(
        key="main-once",
        title="A spawned child does not run the program's top level again",
        stock="Spawn imports the main module anew, as __mp_main__, in every child.",
        hook="The one main module is there already.",
        reason="A second run would change what the program has in its own modules.",
        advice="Put what every child needs into the target or an initializer.",
        methods=("spawn",),
        shows={
            "scripts.top_level_code": (
                "- out: top level as __mp_main__",
                "- out: target from __mp_main__ __mp_main__",
                "+ out: target from __main__ __main__",
            ),
            "scripts.no_guard": (
                "- err: Traceback (most recent call last):",
                '- err:   File "no_guard.py"*',
                "- err:     process.start()",
            ),
        },
    ),
    Difference(
        key="program-ends-all",
        title="os._exit() of the program ends its children",
        stock="Children of a program that ended by os._exit() or a signal live on as orphans.",
        hook="They end with it.",
        reason="They are threads of that one process of the system.",
        shows={"scripts.hard_exit_of_the_program": ("- out: a line of the child, after the program",)},
    ),
)
