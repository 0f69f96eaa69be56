"""The relay: one thread reads the client's lines, one per open request waits for the gateway. Bytes in, bytes out."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable, Mapping

from gateway.cli.relay import sse, wire
from gateway.cli.relay.conversation import Conversation
from gateway.cli.relay.link import AwayError, Hold, Link, LostError
from gateway.cli.relay.wire import Message

MAX_IN_FLIGHT = 256
SUBSCRIBE = "subscriptions/listen"
ANSWER_S = 420.0  # the gateway's own longest call is 390 s
NOTICE_S = 30.0  # a notification is only taken, not carried out
LISTEN_S = 120.0  # the gateway says something at least every 15 s; silence means that it is gone
LISTEN_AGAIN_S = 1.0
LAST_ANSWERS_S = 1.5  # after the client closed stdin; it kills us after 2

AWAY = "The gateway does not answer, and the request was not carried out. Start it with: mcp-gateway serve"
TURNED_AWAY = "The gateway is being stopped or started, and the request was not carried out. Ask again later."
LOST = "The gateway ended the request without an answer. Whether the request was carried out is not known."
WRONG_TOKEN = "The gateway does not accept the token. Set MCP_GATEWAY_TOKEN to the one that it shows."  # noqa: S105
WRONG_PLACE = "The gateway refuses this caller. If its address is a name of yours, see auth.allowed_hosts."
FAILED = "The gateway failed at this request. See its log."
_REFUSALS = {401: WRONG_TOKEN, 403: WRONG_PLACE}


class Relay:
    """Relays until the client's lines end. `write` puts one line before the client and is called from many threads."""

    def __init__(
        self, link: Link, write: Callable[[bytes], None], closing: threading.Event, caller: Mapping[str, str]
    ) -> None:
        self._link = link
        self._write = write
        self._closing = closing
        self._caller = dict(caller)
        self._talk = Conversation()
        self._room = threading.Condition()
        self._answering = 0  # requests whose answer is expected soon
        self._open = 0  # those, and subscriptions
        self._renewing = threading.Lock()
        self._listener: Hold | None = None
        self._is_listening = False

    def run(self, lines: Iterable[bytes]) -> None:
        """Relay every line, then wait shortly for open answers and end the session."""
        for line in lines:
            if line.strip():
                self._take(line)
        self._finish()

    def _take(self, line: bytes) -> None:
        try:
            message = wire.read_message(line)
        except wire.MessageError as exc:
            self._write(wire.failure(None, str(exc), code=exc.code))
            return
        if message.is_request:
            self._enter(message)
            self._talk.begin(message)
            if message.method == "initialize":
                # What a client sends before the answer still belongs to the session that the answer opens.
                self._answer(message)
            else:
                threading.Thread(target=self._answer, args=(message,), daemon=True).start()
        else:
            # One after the other, before the next line: a request must not overtake what announces it.
            self._notify(message)

    def _enter(self, message: Message) -> None:
        with self._room:
            self._room.wait_for(lambda: self._open < MAX_IN_FLIGHT)
            self._open += 1
            self._answering += message.method != SUBSCRIBE

    def _leave(self, message: Message) -> None:
        with self._room:
            self._open -= 1
            self._answering -= message.method != SUBSCRIBE
            self._room.notify_all()

    def _answer(self, message: Message) -> None:
        try:
            self._exchange(message, may_renew=True)
        except AwayError:
            self._refuse(message, AWAY)
        except LostError:
            self._refuse(message, LOST)
        finally:
            self._refuse(message, FAILED)  # does nothing to a request that was answered
            self._leave(message)

    def _refuse(self, message: Message, reason: str) -> None:
        flight = self._talk.end(message)
        if flight is not None and not flight.cancelled and not self._closing.is_set():
            self._write(wire.failure(message.id, reason))

    def _exchange(self, message: Message, *, may_renew: bool) -> None:
        session = self._talk.session
        for _ in self._link.tries():
            status, refused = self._ask(message)
            if not wire.is_turned_away(status, refused):
                break
        else:
            self._refuse(message, TURNED_AWAY)
            return
        if status == 200:
            return
        if status == 404 and session and not message.is_modern and may_renew and self._renew(session):
            self._exchange(message, may_renew=False)
        else:
            self._relay_refusal(message, status, refused)

    def _ask(self, message: Message) -> tuple[int, bytes]:
        """Send it; relay the answer, or return the refusal."""
        headers = self._caller | self._talk.headers(message)

        def opened(hold: Hold) -> None:
            self._talk.hold(message, hold)

        with self._link.request("POST", message.body, headers, read_s=ANSWER_S, opened=opened) as response:
            if response.status == 200:
                self._relay_answer(message, response)
                return 200, b""
            return response.status, response.read()

    def _relay_answer(self, message: Message, response: http.client.HTTPResponse) -> None:
        for line in _messages(response):
            if not wire.ends(line, message.id):
                self._write(line)
                continue
            if message.method == "initialize":
                self._talk.opening = message.body
                self._talk.opened(response.headers.get("Mcp-Session-Id", ""), wire.negotiated(line))
            elif message.method == "tools/list" and message.is_modern:
                self._talk.learn_tools(line)
            if self._talk.end(message):
                self._write(line)
            return
        self._refuse(message, LOST)

    def _relay_refusal(self, message: Message, status: int, body: bytes) -> None:
        if status in _REFUSALS:
            self._refuse(message, _REFUSALS[status])
            return
        answer = wire.with_id(body, message.id)
        if answer is None:
            # The status in words only: clients send a call again when they read certain numbers.
            told = wire.refusal(body) or "The gateway refused the request. See its log."
            self._refuse(message, FAILED if status >= 500 else told)
        elif self._talk.end(message):
            self._write(answer)

    def _notify(self, message: Message) -> None:
        if message.method == "notifications/cancelled" and self._talk.cancel(message.params.get("requestId")):
            return
        self._post(message.body, self._talk.headers(message))
        if message.method == "notifications/initialized" and not message.is_modern and not self._is_listening:
            self._is_listening = True
            threading.Thread(target=self._listen, daemon=True).start()

    def _post(self, body: bytes, headers: Mapping[str, str]) -> http.client.HTTPResponse | None:
        try:
            request = self._link.request("POST", body, self._caller | dict(headers), read_s=NOTICE_S, opened=_nothing)
            with request as response:
                for line in _messages(response) if response.status == 200 else ():
                    self._write(line)
                return response
        except (AwayError, LostError):
            return None  # a notification has no answer, so nobody waits for an error either

    def _renew(self, ended: str) -> bool:
        """Open a session in place of one that the gateway has forgotten; the client need not know."""
        with self._renewing:
            if self._talk.session != ended:
                return True  # another request has done it
            opening = self._talk.opening
            try:
                with self._link.request("POST", opening, self._caller, read_s=NOTICE_S, opened=_nothing) as response:
                    if response.status != 200:
                        return False
                    answers = [line for line in _messages(response) if wire.negotiated(line)]
            except (AwayError, LostError):
                return False
            if not answers:
                return False
            self._talk.opened(response.headers.get("Mcp-Session-Id", ""), wire.negotiated(answers[0]))
            done = self._post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}', self._talk.stream_headers())
            return done is not None

    def _listen(self) -> None:
        """Pass on what the gateway says by itself, as long as the client is there."""
        after = ""
        while not self._closing.is_set():
            headers = self._caller | self._talk.stream_headers() | ({"Last-Event-ID": after} if after else {})
            try:
                with self._link.request("GET", None, headers, read_s=LISTEN_S, opened=self._keep_listener) as response:
                    if response.status == 405:
                        return  # this gateway says nothing by itself
                    for event in sse.events(response) if response.status == 200 else ():
                        after = event.id or after
                        self._pass_on(event)
                    response.read()
            except (AwayError, LostError):
                after = ""  # it is being restarted, and will not know where we were
            self._closing.wait(LISTEN_AGAIN_S)

    def _keep_listener(self, hold: Hold) -> None:
        self._listener = hold

    def _pass_on(self, event: sse.Event) -> None:
        if event.data.strip() and not self._closing.is_set():
            self._write(wire.one_line(event.data))

    def _finish(self) -> None:
        with self._room:
            self._room.wait_for(lambda: self._answering == 0, LAST_ANSWERS_S)
        self._closing.set()
        for hold in [*self._talk.holds(), *([self._listener] if self._listener else [])]:
            hold.cut()
        if self._talk.session:
            self._end_session()

    def _end_session(self) -> None:
        headers = self._caller | self._talk.stream_headers()
        try:
            with self._link.request("DELETE", None, headers, read_s=LAST_ANSWERS_S, opened=_nothing) as response:
                response.read()
        except (AwayError, LostError):
            return  # it forgets the session by itself


def _nothing(_hold: Hold) -> None:
    return


def _messages(response: http.client.HTTPResponse) -> Iterable[bytes]:
    """Read the JSON-RPC messages of a response, whichever of the two forms it has."""
    if response.headers.get_content_type() == "text/event-stream":
        return (wire.one_line(event.data) for event in sse.events(response) if event.data.strip())
    body = wire.one_line(response.read())
    return [body] if body else []
