"""What a server says about the version of a file."""

from __future__ import annotations

import httpx
import pytest

from gateway.net.tags import MAX_TAG, Tag, tag_of

DATE = "Mon, 02 Feb 2026 00:00:00 GMT"


def test_a_tag_is_read_from_headers_of_any_case() -> None:
    assert tag_of(httpx.Headers({"ETag": ' "a" ', "Last-Modified": DATE})) == Tag('"a"', DATE)


@pytest.mark.parametrize("etag", ["x" * (MAX_TAG + 1), '"a\u00e9"', '"a\x00"', ""])
def test_a_word_that_no_header_can_hold_is_none(etag: str) -> None:
    tag = tag_of({"etag": etag})
    assert (tag, tag.says_something) == (Tag(), False)


def test_the_etag_is_asked_with_rather_than_the_date() -> None:
    assert Tag('"a"', DATE).conditions() == {"If-None-Match": '"a"'}
    assert Tag("", DATE).conditions() == {"If-Modified-Since": DATE}


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (Tag('"a"'), Tag('"a"'), True),
        (Tag('"a"'), Tag('W/"a"'), True),
        (Tag('"a"', DATE), Tag('"b"', DATE), False),
        (Tag('"a"', DATE), Tag("", DATE), True),
        (Tag('"a"'), Tag(""), False),
        (Tag(), Tag(), False),
    ],
)
def test_two_tags_agree_only_when_that_is_sure(one: Tag, other: Tag, agree: bool) -> None:
    assert one.agrees(other) is agree
