"""Writes zip files byte by byte, so that a test can lie in any field."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Member:
    """One entry; `None` means: say the truth. `local_*` are what its own header says, the rest is the directory's."""

    name: bytes
    content: bytes = b"x"
    method: int = 8
    flags: int = 0
    mode: int = 0
    dos: int = 0
    extra: bytes = b""
    local_extra: bytes = b""
    local_name: bytes | None = None
    size: int | None = None
    local_size: int | None = None
    offset: int | None = None
    descriptor: bytes = b""
    after: bytes = b""

    @property
    def packed(self) -> bytes:
        if self.method != 8:
            return self.content
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        return stream.compress(self.content) + stream.flush()

    def local(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        size = self.said_size if self.local_size is None else self.local_size
        crc, packed = zlib.crc32(self.content), len(self.packed)
        if self.descriptor:
            crc, packed, size = 0, 0, 0
        head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, self.flags, self.method, 0, 33, crc, packed, size,
                           len(name), len(self.local_extra))  # fmt: skip
        return head + name + self.local_extra + self.packed + self.descriptor + self.after

    @property
    def said_size(self) -> int:
        return len(self.content) if self.size is None else self.size

    def central(self, offset: int) -> bytes:
        crc, place = zlib.crc32(self.content), offset if self.offset is None else self.offset
        head = struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x314, 20, self.flags, self.method, 0, 33, crc, len(self.packed),
                           self.said_size, len(self.name), len(self.extra), 0, 0, 0,
                           (self.mode << 16) | self.dos, place)  # fmt: skip
        return head + self.name + self.extra


def zip_of(
    members: Sequence[Member], *, before: bytes = b"", hidden: bytes = b"", comment: bytes = b"", **end: int
) -> bytes:
    """The bytes of a zip file; `end` overrides fields of its last record: count, here, disk, start, length."""
    body, central = before, b""
    for member in members:
        central += member.central(len(body))
        body += member.local()
    body += hidden
    fields = {"disk": 0, "here": len(members), "count": len(members), "length": len(central), "start": len(body)} | end
    last = struct.pack("<4s4H2LH", b"PK\5\6", fields["disk"], 0, fields["here"], fields["count"], fields["length"],
                       fields["start"], len(comment))  # fmt: skip
    return body + central + last + comment


def signature(content: bytes = b"der", said: int | None = None) -> bytes:
    """The block that the official tool appends when it signs."""
    return b"MCPB_SIG_V1" + struct.pack("<L", len(content) if said is None else said) + content + b"MCPB_SIG_END"


def put(path: Path, data: bytes) -> Path:
    """Write and return the path."""
    path.write_bytes(data)
    return path


def streamed(member: Member) -> Member:
    """The member as a packer writes it that did not know its size beforehand."""
    said = struct.pack("<4s3L", b"PK\7\x08", zlib.crc32(member.content), len(member.packed), len(member.content))
    return replace(member, flags=member.flags | 8, descriptor=said)
