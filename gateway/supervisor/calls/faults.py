"""What a call's exception says of its server: whether it counts as a failure, and in which words. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.errors import AnswerTooLarge, CallTimeout, ChildGone, RemoteProtocolError, RpcError, ServerOverloaded
from gateway.protocol.codes import INTERNAL_ERROR

MAX_WORDS: Final = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """`reason` is for people. `is_silence`: no answer came at all; `is_end`: because the connection ended.

    Of answers, `is_complaint` is one that the caller's own arguments may have caused, `is_refusal` one that is about
    the whole server.
    """

    reason: str
    is_silence: bool = True
    is_end: bool = False
    is_complaint: bool = False
    is_refusal: bool = False


ANSWERED: Final = Fault("", is_silence=False)
"""It was answered, with something that is the caller's or the tool's business."""


def fault_of(exc: BaseException) -> Fault | None:
    """Judge an exception; None: it says nothing of the server (cancelled, never sent, a bug of ours)."""
    match exc:
        case CallTimeout():
            return Fault(f"no answer within {exc.after_s:.3g} s")
        case ChildGone():
            return Fault(exc.reason[:MAX_WORDS], is_end=True)
        case RpcError() if exc.rpc_code == INTERNAL_ERROR:
            # Not in its own words: they may quote arguments, and others are told this reason.
            # Many servers answer so to arguments that they do not like.
            return Fault(f"it answered with an internal error ({INTERNAL_ERROR})", is_silence=False, is_complaint=True)
        case ServerOverloaded():
            return Fault(f"it takes no calls now (HTTP {exc.status})", is_silence=False, is_refusal=True)
        case RpcError() | AnswerTooLarge():
            return ANSWERED
        case RemoteProtocolError():
            return Fault(exc.message[:MAX_WORDS], is_silence=False)
        case _:
            return None
