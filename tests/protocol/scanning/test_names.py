from __future__ import annotations

import pytest

from gateway.protocol.scanning.names import mixes_alphabets, skeleton


@pytest.mark.parametrize(
    "name",
    ["re\u0430d_file", "ｒｅａｄ_file", "read_fi\u200ble", "read_f1le", "r\u00e9ad_file", "READ_FILE"],
)
def test_names_that_are_read_alike_have_one_skeleton(name: str) -> None:
    assert skeleton(name).replace("l", "i") == skeleton("read_file").replace("l", "i")


def test_different_names_keep_different_skeletons() -> None:
    assert len({skeleton(name) for name in ("read_file", "read-file", "read_files", "write_file")}) == 4


def test_only_letters_that_pass_for_latin_ones_make_a_mixture() -> None:
    assert mixes_alphabets("re\u0430d")
    assert not mixes_alphabets("read")
    assert not mixes_alphabets("\u0447\u0438\u0442\u0430\u0442\u044c")
    assert not mixes_alphabets("search_\u5929\u6c17")
