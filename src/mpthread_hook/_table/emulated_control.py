"""Rows outside multiprocessing: control (identity, endings, waiting, signals, threads)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import Row

_ATEXIT = "mpthread_hook._emulation.atexit"
_FCNTL = "mpthread_hook._emulation.fcntl"
_FUTURES = "mpthread_hook._emulation.futures"
_PROCESSES = "mpthread_hook._emulation.processes"
_LOCKS = "mpthread_hook._emulation.locks"
_QUEUE = "mpthread_hook._emulation.queue"
_SELECT = "mpthread_hook._emulation.select"
_SIGNAL = "mpthread_hook._emulation.signal"
_THREADING = "mpthread_hook._emulation.threading"
_TIME = "mpthread_hook._emulation.time"
_WAITING = "mpthread_hook._emulation.waiting"
_OWN = "Answers for the calling process."
_ALSO = "Thread processes are meant as well; their pids never reach the kernel."
_MAIN_THREAD = "In the main thread of a thread process: for that process alone."
_INTERRUPTIBLE = "In a thread process, signals and its end interrupt the waiting."
_STARTED = "A thread that is started in a thread process belongs to it."
_PROGRAM = "A program started by a thread process is its child, and in its group."
_TIMER = "Timers of the calling process; those of processor time count elapsed time in a thread process."
_EXIT = "Functions of the calling process; what a module registers while it is imported is the program's."
_OBJECT = "An object made in a thread process can be interrupted while it waits."
_RECORDS = (
    "Record locks exclude thread processes from each other; closing a file does not release them at "
    "once."
)
_EXECUTORS = "The end of a process ends its own executors only."

# fmt: off
ROWS: tuple[Row, ...] = (
    ("os", "", "threaded", _PROCESSES, "install", None, None,
     "Hooks of fork, and SIGCHLD, for thread processes."),
    ("os", "getpid", "threaded", _PROCESSES, "getpid", None, None, _OWN),
    ("os", "getppid", "threaded", _PROCESSES, "getppid", None, None, _OWN),
    ("os", "getpgid", "threaded", _PROCESSES, "getpgid", None, None, _OWN),
    ("os", "getpgrp", "threaded", _PROCESSES, "getpgrp", None, None, _OWN),
    ("os", "getsid", "threaded", _PROCESSES, "getsid", None, None, _OWN),
    ("os", "setpgid", "threaded", _PROCESSES, "setpgid", None, None, _OWN),
    ("os", "setpgrp", "threaded", _PROCESSES, "setpgrp", None, None, _OWN),
    ("os", "setsid", "threaded", _PROCESSES, "setsid", None, None, _OWN),
    ("os", "_exit", "threaded", _PROCESSES, "_exit", None, None,
     "Ends the calling process; its threads unwind, so finally blocks run, without effect outside."),
    ("os", "abort", "threaded", _PROCESSES, "abort", None, None, "Ends the calling process as SIGABRT does."),
    ("os", "kill", "threaded", _PROCESSES, "kill", None, None, _ALSO),
    ("os", "killpg", "threaded", _PROCESSES, "killpg", None, None, _ALSO),
    ("os", "posix_spawn", "threaded", _PROCESSES, "posix_spawn", None, None, _PROGRAM),
    ("os", "posix_spawnp", "threaded", _PROCESSES, "posix_spawnp", None, None, _PROGRAM),
    ("os", "register_at_fork", "threaded", _PROCESSES, "register_at_fork", None, None,
     "Hooks of programs run around the start of a fork too; the standard library's and locks' do not."),
    ("os", "wait", "threaded", _WAITING, "wait", None, None, _ALSO),
    ("os", "wait3", "threaded", _WAITING, "wait3", None, None, _ALSO),
    ("os", "wait4", "threaded", _WAITING, "wait4", None, None, _ALSO),
    ("os", "waitid", "threaded", _WAITING, "waitid", None, None, _ALSO),
    ("os", "waitpid", "threaded", _WAITING, "waitpid", None, None, _ALSO),
    ("subprocess", "", "threaded", _PROCESSES, "install_subprocess", None, None, _PROGRAM),
    ("signal", "signal", "threaded", _SIGNAL, "signal", None, None, _MAIN_THREAD),
    ("signal", "set_wakeup_fd", "threaded", _SIGNAL, "set_wakeup_fd", None, None, _MAIN_THREAD),
    ("signal", "", "threaded", _SIGNAL, "install", None, None,
     "What the main program handles, its fork children inherit."),
    ("signal", "getsignal", "threaded", _SIGNAL, "getsignal", None, None, _OWN),
    ("signal", "sigpending", "threaded", _SIGNAL, "sigpending", None, None, _OWN),
    ("signal", "pthread_sigmask", "threaded", _SIGNAL, "pthread_sigmask", None, None, _OWN),
    ("signal", "siginterrupt", "threaded", _SIGNAL, "siginterrupt", None, None,
     "Has no effect in a thread process: the kernel interrupts nothing there."),
    ("signal", "raise_signal", "threaded", _SIGNAL, "raise_signal", None, None, _ALSO),
    ("signal", "pthread_kill", "threaded", _SIGNAL, "pthread_kill", None, None, _ALSO),
    ("signal", "pause", "threaded", _SIGNAL, "pause", None, None, _INTERRUPTIBLE),
    ("signal", "sigwait", "threaded", _SIGNAL, "sigwait", None, None, _INTERRUPTIBLE),
    ("signal", "sigwaitinfo", "threaded", _SIGNAL, "sigwaitinfo", None, None, _INTERRUPTIBLE),
    ("signal", "sigtimedwait", "threaded", _SIGNAL, "sigtimedwait", None, None, _INTERRUPTIBLE),
    ("signal", "alarm", "threaded", _SIGNAL, "alarm", None, None, _TIMER),
    ("signal", "setitimer", "threaded", _SIGNAL, "setitimer", None, None, _TIMER),
    ("signal", "getitimer", "threaded", _SIGNAL, "getitimer", None, None, _TIMER),
    ("_thread", "interrupt_main", "threaded", _SIGNAL, "interrupt_main", None, None, _OWN),
    ("_thread", "start_new_thread", "threaded", _THREADING, "start_new_thread", None, None, _STARTED),
    ("_thread", "start_new", "threaded", _THREADING, "start_new_thread", None, None, _STARTED),
    ("_thread", "start_joinable_thread", "threaded", _THREADING, "start_joinable_thread", (3, 13), None,
     _STARTED),
    ("threading", "_start_new_thread", "threaded", _THREADING, "start_new_thread", None, (3, 13), _STARTED),
    ("threading", "_start_joinable_thread", "threaded", _THREADING, "start_joinable_thread", (3, 13), None,
     _STARTED),
    ("threading", "Lock", "threaded", _LOCKS, "Lock", None, None, _OBJECT),
    ("threading", "_allocate_lock", "threaded", _LOCKS, "allocate_lock", None, None,
     "Condition and what is built on it: in a thread process, signals and its end interrupt the waiting."),
    ("threading", "current_thread", "threaded", _THREADING, "current_thread", None, None, _OWN),
    ("threading", "main_thread", "threaded", _THREADING, "main_thread", None, None, _OWN),
    ("threading", "enumerate", "threaded", _THREADING, "enumerate", None, None, _OWN),
    ("threading", "active_count", "threaded", _THREADING, "active_count", None, None, _OWN),
    ("threading", "_newname", "threaded", _THREADING, "_newname", None, None, "Each process counts its threads."),
    ("threading", "_register_atexit", "threaded", _THREADING, "_register_atexit", None, None, _OWN),
    ("threading", "_shutdown", "threaded", _THREADING, "_shutdown", None, None, _OWN),
    ("threading", "", "threaded", _THREADING, "install", None, None,
     "Thread.join can be interrupted in a thread process; the program's end waits for no thread of one."),
    ("atexit", "register", "threaded", _ATEXIT, "register", None, None, _EXIT),
    ("atexit", "unregister", "threaded", _ATEXIT, "unregister", None, None, _EXIT),
    ("atexit", "_run_exitfuncs", "threaded", _ATEXIT, "_run_exitfuncs", None, None, _EXIT),
    ("atexit", "_clear", "threaded", _ATEXIT, "_clear", None, None, _EXIT),
    ("atexit", "_ncallbacks", "threaded", _ATEXIT, "_ncallbacks", None, None, _EXIT),
    ("weakref", "+", "threaded", "mpthread_hook._emulation.finalizers", "install", None, None,
     "The end of a process runs the finalizers (weakref.finalize) that were made in it."),
    ("time", "sleep", "threaded", _TIME, "sleep", None, None, _INTERRUPTIBLE),
    ("queue", "SimpleQueue", "threaded", _QUEUE, "SimpleQueue", None, None,
     "One made in a thread process can be interrupted while it waits."),
    ("socket", "", "threaded", "mpthread_hook._emulation.sockets", "install", None, None,
     "In a thread process, signals and its end interrupt accept() and what receives."),
    ("select", "select", "threaded", _SELECT, "select", None, None, _INTERRUPTIBLE),
    ("select", "poll", "threaded", _SELECT, "poll", None, None, _OBJECT),
    ("select", "epoll", "threaded", _SELECT, "epoll", None, None, _OBJECT),
    ("select", "kqueue", "threaded", _SELECT, "kqueue", None, None, _OBJECT),
    ("selectors", "", "threaded", _SELECT, "install_selectors", None, None,
     "Selectors wait by our select, poll and epoll."),
    ("fcntl", "lockf", "threaded", _FCNTL, "lockf", None, None, _RECORDS),
    ("fcntl", "fcntl", "threaded", _FCNTL, "fcntl", None, None, _RECORDS),
    ("fcntl", "flock", "threaded", _FCNTL, "flock", None, None, _INTERRUPTIBLE),
    ("concurrent.futures.thread", "", "threaded", _FUTURES, "install_thread", None, None, _EXECUTORS),
    ("concurrent.futures.process", "", "threaded", _FUTURES, "install_process", None, None, _EXECUTORS),
)
