"""Reads the directory of a zip file strictly: every byte of the file belongs to exactly one entry, or it is refused.

The standard library's reader is forgiving (data before, between and behind entries, two directories, entries that
share their bytes, names that differ between directory and entry); each forgiveness is a way to show one content to
a checker and another to an extractor. What a bundle may contain is decided in `entries.py`; nothing is unpacked here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from gateway.errors import InstallError

STEP = "unpack"
STORED, DEFLATED = 0, 8
_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 0xFFFF
_MAX_SIGNATURE = 0x10000
_SIGNATURE_BEGIN, _SIGNATURE_END = b"MCPB_SIG_V1", b"MCPB_SIG_END"
_MAX_DIRECTORY_BYTES = 16 * 1024 * 1024
_ZIP64_16, _ZIP64_32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED, _STREAMED, _PATCHED, _STRONG, _UTF8, _MASKED = 0x1, 0x8, 0x20, 0x40, 0x800, 0x2000
_FLAGS_THAT_AGREE = _ENCRYPTED | _STREAMED | _UTF8
_DESCRIPTOR_SIZES = {12, 16}  # behind an entry whose sizes were not known when it was begun
_EXTRAS = {
    0x0001: "uses zip64, which no bundle of this size needs",
    0x000D: "carries a field that can hide a link",
    0x756E: "carries a field that can hide a link",
    0x7075: "has two names",
    0x0017: "is encrypted",
    0x9901: "is encrypted",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the directory describes it, its local header agreeing. Sizes in bytes."""

    name: str
    mode: int  # Unix mode with the file's kind; 0 when the packer did not say
    is_dos_folder: bool
    method: int
    flags: int
    size: int
    packed: int
    crc: int
    offset: int  # of the local header
    data: int  # of the packed bytes; 0 until the local header was read
    extra: bytes = b""
    raw_name: bytes = b""

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder by its name."""
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class Directory:
    """All entries of a sound zip file. `is_signed`: a signature block follows (it was not verified)."""

    entries: tuple[Entry, ...]
    is_signed: bool = False


def refused(why: str) -> InstallError:
    """The one way in which a bundle's file is refused."""
    return InstallError(f"the bundle is refused: {why}", step=STEP, fix="Do not use it; tell its publisher.")


def shown(name: str | bytes) -> str:
    """A stranger's name in printable ASCII."""
    return ascii(name[:100])


def read_directory(file: IO[bytes], *, max_entries: int) -> Directory:
    """Read and check the structure of a zip file.

    Raises: InstallError (step "unpack").
    """
    size = file.seek(0, 2)
    tail_size = min(size, _END.size + _MAX_COMMENT + _MAX_SIGNATURE)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    block = _signature_size(tail)
    tail = tail[: len(tail) - block]
    count, start, length = _read_end(tail, size - block, max_entries)
    file.seek(start)
    entries = list(_central(file.read(length), count))
    located = [_located(file, entry) for entry in entries]
    _check_tiling(located, start)
    return Directory(tuple(located), is_signed=block > 0)


def _signature_size(tail: bytes) -> int:
    """Return the size of the signature block that the official tool appends; 0 without one."""
    if not tail.endswith(_SIGNATURE_END):
        return 0
    begin = tail.rfind(_SIGNATURE_BEGIN)
    length_at = begin + len(_SIGNATURE_BEGIN)
    if begin < 0 or length_at + 4 > len(tail):
        raise refused("its signature block has no beginning")
    (length,) = struct.unpack_from("<L", tail, length_at)
    if length_at + 4 + length + len(_SIGNATURE_END) != len(tail):
        raise refused("its signature block has another length than it says")
    return len(tail) - begin


def _read_end(tail: bytes, end: int, max_entries: int) -> tuple[int, int, int]:
    """Return number of entries, and offset and length of the directory."""
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise refused("it is not a sound zip file (it has no directory)")
    _, disk, first_disk, here, count, length, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise refused("something follows the end of its directory")
    if (
        tail[max(0, at - 20) : at].startswith(b"PK\x06\x07")
        or _ZIP64_16 in {here, count}
        or _ZIP64_32 in {start, length}
    ):
        raise refused("it uses zip64, which no bundle of this size needs")
    if disk or first_disk or here != count:
        raise refused("it is a part of a zip file that was split")
    if count > max_entries:
        raise refused(f"it has {count} entries, more than {max_entries}")
    if length > _MAX_DIRECTORY_BYTES:
        raise refused(f"its directory is larger than {_MAX_DIRECTORY_BYTES} bytes")
    if start + length != end - len(tail) + at:
        raise refused("its directory is not where it says (something stands before or behind it)")
    return count, start, length


def _central(directory: bytes, count: int) -> Iterator[Entry]:
    at = 0
    for _ in range(count):
        if at + _CENTRAL.size > len(directory):
            raise refused("it is not a sound zip file (its directory is cut off)")
        (
            magic, _made, _needed, flags, method, _time, _date, crc, packed, size,
            name_length, extra_length, comment_length, disk, _internal, external, offset,
        ) = _CENTRAL.unpack_from(directory, at)  # fmt: skip
        at += _CENTRAL.size
        name = directory[at : at + name_length]
        extra = directory[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length + comment_length
        if magic != b"PK\x01\x02" or at > len(directory) or disk:
            raise refused("it is not a sound zip file (its directory is damaged)")
        if _ZIP64_32 in {packed, size, offset}:
            raise refused(f"the entry {shown(name)} {_EXTRAS[1]}")
        yield Entry(
            name=_decoded(name, flags),
            mode=external >> 16,
            is_dos_folder=bool(external & 0x10),
            method=method,
            flags=flags,
            size=size,
            packed=packed,
            crc=crc,
            offset=offset,
            data=0,
            extra=extra,
            raw_name=name,
        )
    if at != len(directory):
        raise refused("its directory has more entries than it says")


def _decoded(name: bytes, flags: int) -> str:
    try:
        return name.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError as exc:
        raise refused(f"the entry {shown(name)} has a name in an unknown encoding") from exc


def _located(file: IO[bytes], entry: Entry) -> Entry:
    """Read an entry's local header, which must say the same as the directory."""
    _check_packing(entry)
    file.seek(entry.offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise refused(f"the entry {shown(entry.name)} is not where the directory says")
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(header)
    name, extra = file.read(name_length), file.read(extra_length)
    if name != entry.raw_name or method != entry.method or (flags ^ entry.flags) & _FLAGS_THAT_AGREE:
        raise refused(f"the entry {shown(entry.name)} is called or packed otherwise where it begins")
    _check_extra(entry, extra)
    agrees = (crc, packed, size) == (entry.crc, entry.packed, entry.size)
    if not agrees and not (entry.flags & _STREAMED and (crc, packed, size) == (0, 0, 0)):
        raise refused(f"the entry {shown(entry.name)} has other sizes where it begins")
    values = {key: getattr(entry, key) for key in Entry.__slots__}
    values["data"] = entry.offset + _LOCAL.size + name_length + extra_length
    return Entry(**values)


def _check_packing(entry: Entry) -> None:
    if entry.flags & (_ENCRYPTED | _STRONG | _MASKED):
        raise refused(f"the entry {shown(entry.name)} is encrypted")
    if entry.flags & _PATCHED or entry.method not in {STORED, DEFLATED}:
        raise refused(f"the entry {shown(entry.name)} is packed by method {entry.method}, which is not supported")
    if entry.method == STORED and entry.size != entry.packed:
        raise refused(f"the entry {shown(entry.name)} is not packed, but claims two sizes")
    _check_extra(entry, entry.extra)


def _check_extra(entry: Entry, extra: bytes) -> None:
    at = 0
    while at + 4 <= len(extra):  # a rest shorter than a head is padding, which aligning packers leave
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4 + length
        why = _EXTRAS.get(kind) or ("has a malformed extra field" if at > len(extra) else None)
        if why is not None:
            raise refused(f"the entry {shown(entry.name)} {why}")


def _check_tiling(entries: Sequence[Entry], directory: int) -> None:
    """Refuse entries that overlap (a bomb of shared bytes) and bytes that belong to none (something hidden)."""
    end, streamed = 0, False
    places = [(entry.offset, entry) for entry in sorted(entries, key=lambda entry: entry.offset)]
    for offset, entry in [*places, (directory, None)]:
        gap = offset - end
        if gap < 0:
            raise refused(
                "two of its entries share their bytes (a bomb)" if entry else "an entry runs into its directory"
            )
        if gap and not (streamed and gap in _DESCRIPTOR_SIZES):
            raise refused(f"{gap} bytes at {end} belong to no entry")
        if entry is not None:
            end, streamed = entry.data + entry.packed, bool(entry.flags & _STREAMED)
