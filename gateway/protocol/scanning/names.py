"""Tool names that look like another's: letters of other alphabets, and what they are meant to be read as. No I/O."""

from __future__ import annotations

import unicodedata

# Cyrillic, Greek and other letters that most fonts draw like a Latin one.
_LOOKS_LIKE = str.maketrans(
    "аАвВсСеЕһНіІјЈкКмМоОрРѕЅтТуУхХԁԛԝьёЁгпдлАΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγεικνορτυωχϲɡɑıℓοօցհոսᴀᴄᴇᴏᴜ",
    "aAbBcCeEhHiIjJkKmMoOpPsStTyYxXdqwbeErndnAABEZHIKMNOPTYXayeikvoptuwxcgailooghnuaceou",
)
_DIGITS = str.maketrans({"0": "o", "1": "l", "I": "l", "|": "l"})


def skeleton(name: str) -> str:
    """What a name is read as: full width, mathematical and foreign letters as the Latin ones that they resemble."""
    folded = unicodedata.normalize("NFKC", name)
    visible = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    plain = unicodedata.normalize("NFKD", visible.translate(_LOOKS_LIKE))
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return bare.translate(_DIGITS).casefold().replace("rn", "m").replace("vv", "w")


def mixes_alphabets(name: str) -> bool:
    """Whether Latin letters stand beside letters that only resemble them."""
    return any(char.isascii() and char.isalpha() for char in name) and any(
        not char.isascii() and char.isalpha() and skeleton(char).isascii() for char in name
    )
