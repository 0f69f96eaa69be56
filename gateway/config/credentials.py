"""How configuration reaches secrets that lie outside the file: by readers that are passed in. No I/O."""

from __future__ import annotations

from collections.abc import Callable

CredentialReader = Callable[[str], str | None]
"""Return the text of a systemd credential by its name, or None when there is none."""

FileReader = Callable[[str], str]
"""Return the text of a file. Raises: OSError."""
