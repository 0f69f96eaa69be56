"""Runs in the new process, between fork and the server's program: ties it to the daemon, then becomes the program.

Started as a script by `process.py` (standard library only, isolated, no site): a hook in the forked daemon itself
would run Python between fork and exec, which can deadlock when other threads hold locks. It runs at every start, so
it imports next to nothing: `signal`, `ctypes`, `json`, `pathlib` and `typing` would double the time that it takes.

Arguments: status fd, daemon's pid, how many orders follow, the orders (`orders.words`), program path, its argv.
A step and an errno written to the status fd mean: not started.
"""

from __future__ import annotations

import os
import sys

PR_SET_PDEATHSIG = 1
FAILED = 127
EINVAL = 22
RLIMIT_LOCKS = 10  # the module `resource` does not name it


def prctl(option: int, value: int) -> None:
    """Ask the kernel for something about this process."""
    try:
        import _ctypes  # noqa: PLC0415 - what `ctypes` itself stands on, in a quarter of its time

        call = type("Call", (_ctypes.CFuncPtr,), {"_flags_": _ctypes.FUNCFLAG_CDECL})
        function = call(_ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl"))  # type: ignore[arg-type] # None: what is loaded already
    except (ImportError, AttributeError, TypeError):
        import ctypes  # noqa: PLC0415 - another interpreter than CPython, or another CPython than we know

        function = ctypes.CDLL(None).prctl
    function(option, value, 0, 0, 0)


def die_with_parent(parent: int, kill: int) -> None:
    """Ask the kernel for SIGKILL when the daemon's main thread ends; leave at once if it already did."""
    if sys.platform.startswith("linux"):
        prctl(PR_SET_PDEATHSIG, kill)
        if os.getppid() != parent:
            os._exit(1)


def exact_environment() -> dict[bytes, bytes]:
    """Return what the daemon gave us, without what the interpreter adds at its start (LC_CTYPE)."""
    try:
        with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 - pathlib costs more than all of this
            block = file.read()
    except OSError:
        return dict(os.environb)
    pairs = (entry.partition(b"=") for entry in block.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


def write(path: str, text: str) -> None:
    """Write one of the kernel's files. Raises: OSError."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def enter_cgroups(places: list[str]) -> None:
    """Move into the control groups, before anything that counts."""
    for procs in places:
        write(procs, "0")


def be_killed_first(scores: list[str]) -> None:
    """When the machine has no memory left, the kernel shall take us rather than the gateway."""
    for score in scores:
        write("/proc/self/oom_score_adj", score)


def set_limits(limits: list[str]) -> None:
    """Lower our own limits (NAME=VALUE); what is above a hard limit means that limit."""
    import resource  # noqa: PLC0415 - most servers need it, the learner does not

    for limit in limits:
        name, _, value = limit.partition("=")
        which = RLIMIT_LOCKS if name == "RLIMIT_LOCKS" else getattr(resource, name)
        _, hard = resource.getrlimit(which)
        wanted = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(which, (wanted, wanted))


def by_sibling(module: str):  # type: ignore[no-untyped-def] # noqa: ANN201 - `Callable` would have to be imported
    """Make a step that the file `module`.py beside this one carries out in its `carry_out(values)`.

    It is loaded only when it is ordered, and may import nothing but the standard library.
    """

    def step(values: list[str]) -> None:
        sys.path.append(os.path.dirname(__file__))  # noqa: PTH120 - see above; isolated means: not on the path yet
        __import__(module).carry_out(values)

    return step


STEPS = {
    "cgroups": enter_cgroups,
    "oom_score": be_killed_first,
    "rlimits": set_limits,
    "network": by_sibling("seccomp"),
    "landlock": by_sibling("landlock"),  # the last one: from here on even our own files are out of reach
}
"""Carried out in this order, each with its values as `orders.words` spells them."""


class NotDone(Exception):
    """A step could not be carried out; `told` is what the daemon reads."""

    def __init__(self, step: str, problem: Exception) -> None:
        super().__init__(step)
        self.told = f"{step} {getattr(problem, 'errno', None) or EINVAL}".encode()


def obey(words: list[str]) -> None:
    """Carry out orders, all of them or not all: what nobody knows is not done either. Raises: NotDone."""
    orders: dict[str, list[str]] = {}
    for word in words:
        step, _, value = word.partition("=")
        orders.setdefault(step, []).append(value)
    for step in sorted(orders, key=lambda step: [*STEPS, step].index(step)):
        try:
            STEPS[step](orders[step])
        except (OSError, ValueError, LookupError, AttributeError, ImportError) as exc:
            raise NotDone(step, exc) from exc


def main(arguments: list[str]) -> None:
    """Become the program."""
    import _signal as signal  # type: ignore[import-not-found] # noqa: PLC0415 - without its enumerations

    status_fd, parent, ordered = (int(number) for number in arguments[:3])
    words, program, argv = arguments[3 : 3 + ordered], arguments[3 + ordered], arguments[4 + ordered :]
    os.set_inheritable(status_fd, False)
    try:
        die_with_parent(parent, signal.SIGKILL)
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # the interpreter ignores them, and exec would keep that
            signal.signal(ignored, signal.SIG_DFL)
        obey(words)
        os.execve(program, argv, exact_environment())  # noqa: S606 - argv, never a shell
    except NotDone as exc:
        os.write(status_fd, exc.told)
    except (OSError, ValueError) as exc:
        os.write(status_fd, NotDone("exec", exc).told)
    os._exit(FAILED)


if __name__ == "__main__":
    main(sys.argv[1:])
