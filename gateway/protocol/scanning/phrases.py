"""Words in a definition that speak to the model about other things than the tool: each kind with its patterns. No I/O.

The patterns ask for the combination that an attack needs (a verb and a secret place, a command and "any tool"), so that
a tool which merely names a path or another tool of its own server is not reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FLAGS = re.IGNORECASE | re.ASCII
_ALWAYS = r"important|critical|instructions?|hidden|override|system[-_ ]?(?:prompt|message|note)|attention|mandatory"
_PAIRED = r"system|assistant|admin|secret|prompt|rules?|note|developer"
_TAG = re.compile(
    rf"<\s*/?\s*(?:{_ALWAYS})(?:\s[^<>]{{0,80}})?>"
    rf"|<\s*(?P<name>{_PAIRED})\s*>.{{1,4000}}?<\s*/\s*(?P=name)\s*>"
    r"|<\|[a-z_]{2,20}\|>|\[/?INST\]|<</?SYS>>|<!--",
    _FLAGS | re.DOTALL,
)
_OVERRIDE = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,25}\b(?:previous|prior|above|earlier|other|existing|system|all)\b"
    r".{0,25}\b(?:instructions?|rules?|prompts?|messages?|guidelines|tools?|policies)\b"
    r"|\b(?:do\s+not|don'?t|never|must\s+not)\s+(?:ever\s+)?(?:tell|mention|inform|notify|alert|reveal|show|disclose)\b"
    r".{0,40}\b(?:user|human|anyone|anybody)\b"
    r"|\bwithout\s+(?:telling|informing|notifying|asking|alerting)\s+(?:the\s+)?(?:user|human)"
    r"|\bkeep\s+(?:this|it)\s+(?:a\s+)?(?:secret|hidden)\b|\b(?:hide|conceal)\s+(?:this|it)\s+from\s+the\s+user",
    _FLAGS | re.DOTALL,
)
_PLACE = (
    r"(?:~|\$HOME|/home/\w+|/root)/\.(?:ssh|aws|gnupg|kube|config|netrc|npmrc|pypirc|docker|cursor|claude)\b"
    r"|\bid_(?:rsa|ed25519|ecdsa)\b|\.aws/credentials|/etc/(?:passwd|shadow)|\.git-credentials|\bmcp\.json\b"
    r"|claude_desktop_config|/proc/(?:self|1)/environ|(?<![\w])\.env\b(?!\.)|\b(?:private|ssh)\s+keys?\b"
)
_TAKING = (
    r"\b(?:read|open|load|cat|fetch|retrieve|include|pass|provide|send|upload|attach|append|post|exfiltrate|leak)\b"
    r"|\bcontents?\s+of\b"
)
_GIVING = re.compile(
    r"\b(?:send|pass|include|provide|append|attach|put|forward|post|upload)\b.{0,60}"
    r"\b(?:conversation|chat\s+history|all\s+previous\s+messages|system\s+prompt|api[- _]?keys?|credentials|passwords?)"
    r"\b"
    r".{0,40}\b(?:as|in|into|to|via|through)\b",
    _FLAGS | re.DOTALL,
)
_SECRETS = re.compile(rf"(?:{_TAKING})[^.!?]{{0,80}}?(?:{_PLACE})|(?:{_PLACE})[^!?]{{0,60}}?(?:{_TAKING})", _FLAGS)
_ANY_TOOL = (
    r"(?:any|every|each|all|other|another)(?:\s+of\s+the|\s+the)?(?:\s+(?:other|available|following|mcp))*\s+tools?\b"
)
_CROSS = re.compile(
    rf"\b(?:before|after|instead\s+of|rather\s+than|when(?:ever)?)\s+(?:you\s+)?(?:call|us|invok|run|execut)\w*\s+{_ANY_TOOL}"
    rf"|\b(?:must|should|always|has\s+to)\b.{{0,30}}\b(?:called|used|invoked|run)\b.{{0,20}}\b(?:before|instead\s+of|prior\s+to)\s+{_ANY_TOOL}"
    rf"|\b(?:do\s+not|don'?t|never)\s+(?:call|use|invoke)\s+{_ANY_TOOL}"
    r"|\b(?:do\s+not|don'?t|never)\s+(?:call|use|invoke)\s+(?:the\s+)?tools?\s+(?:of|from)\s+other\s+servers?",
    _FLAGS | re.DOTALL,
)
_KINDS = (
    ("instruction_tag", _TAG),
    ("instruction_override", _OVERRIDE),
    ("secret_access", _SECRETS),
    ("secret_access", _GIVING),
    ("cross_tool", _CROSS),
)


def suspicious_phrases(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) of what speaks to the model about other things; each kind once."""
    seen: set[str] = set()
    for kind, pattern in _KINDS:
        match = None if kind in seen else pattern.search(text)
        if match is not None:
            seen.add(kind)
            yield kind, match.start(), match.end()
