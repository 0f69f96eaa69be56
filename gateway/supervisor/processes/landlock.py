"""Landlock: this process, and all that it starts, reaches nothing but what it was given. Standard library only.

Loaded by `exec_child.py` in the new process; the daemon asks only `version`. What the kernel knows of it grows with
each version of its interface: what an older one cannot keep away stays open, and `doctor` says so.
"""

from __future__ import annotations

import os
import stat
import sys

if __package__:
    from gateway.supervisor.processes import libc
else:
    import libc  # type: ignore[import-not-found,no-redef]  # the new process runs scripts, not our package

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
VERSION_FLAG = 1
PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""Rights that a rule about a file may have; the others are about what is in a folder."""

READ = EXECUTE | READ_FILE | READ_DIR
DEVICES = READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV
HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
"""The rights to files and folders, by version; later ones have those of 5."""

TCP_BIND_AND_CONNECT = 0b11
SIGNALS_AND_ABSTRACT_SOCKETS = 0b11
TCP_SINCE, SCOPES_SINCE = 4, 6

PR_CAPBSET_DROP = 24
PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL = 47, 4
CAPABILITY_VERSION_3 = 0x20080522


def version() -> int:
    """Return the version of the kernel's interface. Raises: OSError when there is none."""
    return libc.function("syscall")(CREATE_RULESET, None, 0, VERSION_FLAG)


def carry_out(values: list[str]) -> None:
    """Confine this process for good; `values` are spelled by `orders.words`. Raises: OSError."""
    paths = [value for value in values if value.startswith(("read=", "write=", "devices="))]
    confines_files = "only=scopes" not in values
    known = version()
    handled = (HANDLED.get(known, HANDLED[5])) if confines_files else 0
    tcp = TCP_BIND_AND_CONNECT if "tcp=none" in values and known >= TCP_SINCE else 0
    scoped = SIGNALS_AND_ABSTRACT_SOCKETS if known >= SCOPES_SINCE else 0
    rules = _ruleset(known, handled, tcp, scoped)
    for word in paths:
        kind, _, path = word.partition("=")
        _allow(rules, kind, path, handled)
    libc.no_new_privileges()
    if confines_files:  # else somebody comes after us who needs them, and drops them himself
        drop_capabilities()
    libc.function("syscall")(RESTRICT_SELF, rules, 0)
    os.close(rules)


def _ruleset(known: int, files: int, tcp: int, scoped: int) -> int:
    fields = [files, tcp, scoped][: 1 + (known >= TCP_SINCE) + (known >= SCOPES_SINCE)]
    attributes = b"".join(field.to_bytes(8, sys.byteorder) for field in fields)
    return libc.function("syscall")(CREATE_RULESET, attributes, len(attributes), 0)


def _allow(rules: int, kind: str, path: str, handled: int) -> None:
    """Open one path, and what is beneath it; one that is not there gives nothing."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISLNK(mode):  # it was none when it was looked at: somebody wants to be given more
            return
        rights = {"read": READ, "devices": DEVICES, "write": ~(MAKE_CHAR | MAKE_BLOCK)}[kind] & handled
        rights &= -1 if stat.S_ISDIR(mode) else OF_FILES
        rule = rights.to_bytes(8, sys.byteorder) + fd.to_bytes(4, sys.byteorder)
        libc.function("syscall")(ADD_RULE, rules, PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)


def drop_capabilities() -> None:
    """Keep none of root's powers, also not over the programs that we become. Raises: OSError."""
    if not has_capabilities():
        return
    prctl = libc.function("prctl")
    prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL, 0, 0, 0)
    for number in range(64):
        try:
            prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
        except OSError as exc:
            if exc.errno == libc.EINVAL:  # the kernel knows no more of them
                break
            raise
    header = CAPABILITY_VERSION_3.to_bytes(4, sys.byteorder) + bytes(4)
    libc.function("capset")(header, bytes(24))


def has_capabilities() -> bool:
    """Whether this process may do more than its user may."""
    with open("/proc/self/status", "rb") as file:  # noqa: PTH123 - pathlib costs more than all of this
        for line in file:
            if line.startswith(b"CapPrm:"):
                return int(line.split()[1], 16) != 0
    return False
