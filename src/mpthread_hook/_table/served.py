"""Rows of `multiprocessing` and `_multiprocessing` that change something.

A row that is ``threaded`` or ``inert`` and has no attribute is set by the module's ``install`` row.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import Row

# fmt: off
ROWS: tuple[Row, ...] = (
    # multiprocessing.connection
    ("multiprocessing.connection", "Pipe", "threaded", "mpthread_hook._backend.connection", "Pipe", None, None, "messages stay in memory; a descriptor is made when fileno() asks for one"),
    ("multiprocessing.connection", "SocketClient", "threaded", "mpthread_hook._backend.listener", "SocketClient", None, None, "chooses between sockets and the in-process family"),
    ("multiprocessing.connection", "SocketListener", "threaded", "mpthread_hook._backend.listener", "SocketListener", None, None, "chooses between sockets and the in-process family"),
    ("multiprocessing.connection", "address_type", "threaded", "mpthread_hook._backend.listener", "address_type", None, None, "knows the in-process family as well"),
    ("multiprocessing.connection", "arbitrary_address", "threaded", "mpthread_hook._backend.listener", "arbitrary_address", None, None, "knows the in-process family as well"),
    ("multiprocessing.connection", "default_family", "threaded", "mpthread_hook._backend.listener", "default_family", None, None, "AF_INPROC: no file path, which iOS limits to 104 bytes, and no port"),
    ("multiprocessing.connection", "families", "threaded", "mpthread_hook._backend.listener", "families", None, None, "the in-process family first, then the platform's"),
    ("multiprocessing.connection", "wait", "threaded", "mpthread_hook._backend.connection", "wait", None, None, "our own objects need no descriptor; mixed with others, real ones are used"),
    ("multiprocessing.connection", "_validate_family", "threaded", "mpthread_hook._backend.listener", "_validate_family", None, None, "knows the in-process family as well"),
    # multiprocessing.context
    ("multiprocessing.context", "", "threaded", "mpthread_hook._backend.context", "install", None, None, "the start method belongs to a process"),
    # multiprocessing.forkserver
    ("multiprocessing.forkserver", "ForkServer", "threaded", "mpthread_hook._backend.forkserver", "ForkServer", None, None, "imports modules before the first child starts; there is no server process"),
    ("multiprocessing.forkserver", "connect_to_new_process", "inert", "mpthread_hook._backend.inert", "connect_to_new_process", None, None, "there is no server to connect to"),
    ("multiprocessing.forkserver", "ensure_running", "threaded", "mpthread_hook._backend.forkserver", None, None, None, "a method of the object that imports modules beforehand"),
    ("multiprocessing.forkserver", "get_inherited_fds", "inert", "mpthread_hook._backend.forkserver", None, None, None, "a method of an object that needs no server"),
    ("multiprocessing.forkserver", "main", "inert", "mpthread_hook._backend.inert", "main", None, None, "no server process is ever run"),
    ("multiprocessing.forkserver", "set_forkserver_preload", "threaded", "mpthread_hook._backend.forkserver", None, None, None, "a method of the object that imports modules beforehand"),
    ("multiprocessing.forkserver", "_forkserver", "inert", "mpthread_hook._backend.forkserver", None, None, None, "an object that needs no server"),
    ("multiprocessing.forkserver", "", "threaded", "mpthread_hook._backend.forkserver", "install", None, None, "its functions are methods of our fork server"),
    # multiprocessing.heap
    ("multiprocessing.heap", "Arena", "threaded", "mpthread_hook._backend.memory", "Arena", None, None, "an anonymous map, shared because all memory is"),
    ("multiprocessing.heap", "rebuild_arena", "threaded", "mpthread_hook._backend.memory", "rebuild_arena", None, None, "by reference"),
    ("multiprocessing.heap", "reduce_arena", "threaded", "mpthread_hook._backend.memory", "reduce_arena", None, None, "by reference"),
    ("multiprocessing.heap", "os", "threaded", "mpthread_hook._backend.memory", "os_of_the_program", None, None, "the heap starts anew when the pid changes; here it is shared"),
    # multiprocessing.managers
    ("multiprocessing.managers", "", "threaded", "mpthread_hook._backend.managers", "install", None, None, "proxies of plain data call the server in the same program directly, by value"),
    # multiprocessing.pool
    ("multiprocessing.pool", "", "threaded", "mpthread_hook._backend.pool", "install", None, None, "tasks made of atoms and functions of modules travel as they are"),
    # multiprocessing.popen_fork
    ("multiprocessing.popen_fork", "Popen", "threaded", "mpthread_hook._backend.popen", "Popen", None, None, "the child is a thread that shares the parent's objects"),
    # multiprocessing.popen_forkserver
    ("multiprocessing.popen_forkserver", "Popen", "threaded", "mpthread_hook._backend.popen", "ForkserverPopen", None, None, "as spawn; a thread needs no server"),
    # multiprocessing.popen_spawn_posix
    ("multiprocessing.popen_spawn_posix", "Popen", "threaded", "mpthread_hook._backend.popen", "SpawnPopen", None, None, "the process object travels by pickle to a thread"),
    # multiprocessing.popen_spawn_win32
    ("multiprocessing.popen_spawn_win32", "Popen", "threaded", "mpthread_hook._backend.popen", "SpawnPopen", None, None, "the process object travels by pickle to a thread"),
    # multiprocessing.process
    ("multiprocessing.process", "BaseProcess", "threaded", "mpthread_hook._backend.process", "BaseProcess", None, None, "a record and its threads; start() copies the object shallowly for the child"),
    ("multiprocessing.process", "active_children", "threaded", "mpthread_hook._backend.process", "active_children", None, None, "children of the calling process"),
    ("multiprocessing.process", "current_process", "threaded", "mpthread_hook._backend.process", "current_process", None, None, "answers from the record of the calling thread's process"),
    ("multiprocessing.process", "parent_process", "threaded", "mpthread_hook._backend.process", "parent_process", None, None, "the record of the parent is watched, not a pipe"),
    ("multiprocessing.process", "_ParentProcess", "threaded", "mpthread_hook._backend.process", "_ParentProcess", None, None, "watches the parent's record"),
    ("multiprocessing.process", "_children", "threaded", "mpthread_hook._backend.process", None, None, None, "per process: answered by the module's __getattr__"),
    ("multiprocessing.process", "_cleanup", "threaded", "mpthread_hook._backend.process", "_cleanup", None, None, "joins ended children of the calling process"),
    ("multiprocessing.process", "_current_process", "threaded", "mpthread_hook._backend.process", None, None, None, "per process: answered by the module's __getattr__"),
    ("multiprocessing.process", "_parent_process", "threaded", "mpthread_hook._backend.process", None, None, None, "per process: answered by the module's __getattr__"),
    ("multiprocessing.process", "_process_counter", "threaded", "mpthread_hook._backend.process", None, None, None, "per process: answered by the module's __getattr__"),
    ("multiprocessing.process", "", "threaded", "mpthread_hook._backend.process", "install", None, None, "takes over the main process and the globals that are per process"),
    # multiprocessing.queues
    ("multiprocessing.queues", "JoinableQueue", "threaded", "mpthread_hook._backend.queues", "JoinableQueue", None, None, "pickled in put(), no feeder thread"),
    ("multiprocessing.queues", "Queue", "threaded", "mpthread_hook._backend.queues", "Queue", None, None, "pickled in put(), no feeder thread"),
    ("multiprocessing.queues", "SimpleQueue", "threaded", "mpthread_hook._backend.queues", "SimpleQueue", None, None, "a pipe without locks: both ends are atomic"),
    # multiprocessing.reduction
    ("multiprocessing.reduction", "DupFd", "threaded", "mpthread_hook._backend.reduction", "DupFd", None, None, "a duplicate within one descriptor table"),
    ("multiprocessing.reduction", "recv_handle", "threaded", "mpthread_hook._backend.reduction", "recv_handle", None, None, "a duplicate within one descriptor table"),
    ("multiprocessing.reduction", "send_handle", "threaded", "mpthread_hook._backend.reduction", "send_handle", None, None, "a duplicate within one descriptor table"),
    # multiprocessing.resource_sharer
    ("multiprocessing.resource_sharer", "DupFd", "threaded", "mpthread_hook._backend.reduction", "DupFd", None, None, "a duplicate within one descriptor table"),
    ("multiprocessing.resource_sharer", "stop", "inert", "mpthread_hook._backend.inert", None, None, None, "nothing is served to other processes"),
    ("multiprocessing.resource_sharer", "_resource_sharer", "inert", "mpthread_hook._backend.inert", None, None, None, "nothing is served to other processes"),
    ("multiprocessing.resource_sharer", "", "inert", "mpthread_hook._backend.inert", "install_sharer", None, None, "nothing is served to other processes"),
    # multiprocessing.resource_tracker
    ("multiprocessing.resource_tracker", "ResourceTracker", "threaded", "mpthread_hook._backend.tracker", "ResourceTracker", None, None, "tracks in the program itself and frees what is left at its end"),
    ("multiprocessing.resource_tracker", "ensure_running", "threaded", "mpthread_hook._backend.tracker", None, None, None, "a method of the tracker in the program"),
    ("multiprocessing.resource_tracker", "getfd", "threaded", "mpthread_hook._backend.tracker", None, None, None, "a method of the tracker in the program"),
    ("multiprocessing.resource_tracker", "main", "inert", "mpthread_hook._backend.inert", "main", None, None, "no tracker process is ever run"),
    ("multiprocessing.resource_tracker", "register", "threaded", "mpthread_hook._backend.tracker", None, None, None, "a method of the tracker in the program"),
    ("multiprocessing.resource_tracker", "unregister", "threaded", "mpthread_hook._backend.tracker", None, None, None, "a method of the tracker in the program"),
    ("multiprocessing.resource_tracker", "_resource_tracker", "threaded", "mpthread_hook._backend.tracker", None, None, None, "a method of the tracker in the program"),
    ("multiprocessing.resource_tracker", "", "threaded", "mpthread_hook._backend.tracker", "install", None, None, "its functions are methods of our tracker"),
    # multiprocessing.shared_memory
    ("multiprocessing.shared_memory", "", "threaded", "mpthread_hook._backend.memory", "install", None, None, "close() is about the calling process"),
    # multiprocessing.sharedctypes
    ("multiprocessing.sharedctypes", "", "threaded", "mpthread_hook._backend.sharedctypes", "install", None, None, "an access that nobody can tell apart takes no lock"),
    # multiprocessing.synchronize
    ("multiprocessing.synchronize", "", "threaded", "mpthread_hook._backend.synchronize", "install", None, None, "locks reach our SemLock directly and need no name"),
    # multiprocessing.util
    ("multiprocessing.util", "Finalize", "threaded", "mpthread_hook._backend.util", "Finalize", None, None, "registered with the process; collection runs it in whichever process dropped the object"),
    ("multiprocessing.util", "close_all_fds_except", "inert", "mpthread_hook._backend.inert", "close_all_fds_except", None, None, "descriptors are shared: closing them would hit the whole program"),
    ("multiprocessing.util", "is_exiting", "threaded", "mpthread_hook._backend.util", "is_exiting", None, None, "per process"),
    ("multiprocessing.util", "spawnv_passfds", "refused", None, None, None, None, "it starts an OS process, which a thread process never needs"),
    ("multiprocessing.util", "_close_stdin", "threaded", "mpthread_hook._backend.util", "_close_stdin", None, None, "the child's standard input is empty; the parent's stays open"),
    ("multiprocessing.util", "_exit_function", "threaded", "mpthread_hook._backend.util", "_exit_function", None, None, "per process"),
    ("multiprocessing.util", "_finalizer_registry", "threaded", "mpthread_hook._backend.util", "registry", None, None, "answers for the calling process"),
    ("multiprocessing.util", "_run_after_forkers", "threaded", "mpthread_hook._backend.util", "_run_after_forkers", None, None, "functions of programs run; multiprocessing's own, which reset copies, do not"),
    ("multiprocessing.util", "", "threaded", "mpthread_hook._backend.util", "install", None, None, "the exit function of the program is ours"),
    # _multiprocessing
    ("_multiprocessing", "SemLock", "threaded", "mpthread_hook._backend.synchronize", "SemLock", None, None, "one unit is one item of a deque; waits can be interrupted"),
    ("_multiprocessing", "sem_unlink", "threaded", "mpthread_hook._backend.synchronize", "sem_unlink", None, None, "names live in the program"),
    ("_multiprocessing", "flags", "threaded", "mpthread_hook._backend.synchronize", "flags", None, None, "what a POSIX build has"),
)
