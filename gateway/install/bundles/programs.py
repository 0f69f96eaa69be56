"""What kind of program a file is, from its first bytes, and whether this machine runs it. No I/O."""

from __future__ import annotations

HEAD_BYTES = 64
_ELF, _PE = b"\x7fELF", b"MZ"
_MACH = {b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"}
_ELF_MACHINES = {3: "i386", 8: "mips", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64",
                 243: "riscv64", 258: "loongarch64"}  # fmt: skip
_SPELLINGS = {
    "amd64": "x86_64", "arm64": "aarch64", "armv6l": "arm", "armv7l": "arm", "i686": "i386", "i586": "i386",
    "ppc64le": "ppc64",
}  # fmt: skip
# A processor that runs another one's programs as well.
_ALSO_RUNS = {"x86_64": {"i386"}, "aarch64": {"arm"}}


def why_not_runnable(head: bytes, platform: str, arch: str) -> str | None:
    """Say why a program that begins with these bytes does not run on `platform` and `arch`; None when it may.

    Of macOS and Windows only the format is judged; an `arch` that is not known is not judged.
    """
    if head.startswith(b"#!"):
        return None if platform != "win32" else "it is a script, which Windows does not start"
    built_for = _platform_of(head)
    if built_for is None:
        return "it is not a program (neither ELF, Mach-O or PE, nor a script)"
    if built_for != platform:
        return f"it is a program for {built_for}, this is {platform}"
    return _why_other_machine(head, arch) if built_for == "linux" else None


def _platform_of(head: bytes) -> str | None:
    if head.startswith(_ELF):
        return "linux"
    if head[:4] in _MACH:
        return "darwin"
    return "win32" if head.startswith(_PE) else None


def _why_other_machine(head: bytes, arch: str) -> str | None:
    if len(head) < 20 or head[5] not in {1, 2}:
        return "its ELF header is cut off or damaged"
    number = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    found, ours = _ELF_MACHINES.get(number, f"machine {number}"), _SPELLINGS.get(arch.lower(), arch.lower())
    if not ours or found == ours or found in _ALSO_RUNS.get(ours, set()):
        return None
    return f"it is a program for {found}, this machine is {ours}"
