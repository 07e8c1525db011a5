"""Majordomo on the wire, in three dialects: RFC 7 (mdp01), RFC 18 (mdp02), and what plantd's Go code of
2025 sends (plantd02). Written from the RFCs and from captures; it shares nothing with the program."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    client: bytes  # header between client and broker
    worker: bytes  # header between worker and broker
    lead: list  # frames in front of what goes to the broker
    lead_back: list  # frames in front of what comes from the broker
    request: list  # the client's command, if the dialect has one
    final: list  # the command of the reply to the client
    codes: dict  # commands between worker and broker
    delimiter: list  # what stands between client address and body in a worker's reply

    # The client's side.

    def client_request(self, service, body):
        return self.lead + [self.client] + self.request + [service] + body

    def client_reply(self, frames):
        """The service and the body of a reply."""
        head = self.lead_back + [self.client] + self.final
        assert frames[:len(head)] == head, frames
        service, *body = frames[len(head):]
        assert body, "a reply has a body"
        return service, body

    # The worker's side.

    def ready(self, service):
        return self.lead + [self.worker, self.codes["ready"], service]

    def reply(self, client, body):
        return self.lead + [self.worker, self.codes["final"], client] + self.delimiter + body

    def to_broker(self, command):
        """HEARTBEAT or DISCONNECT."""
        return self.lead + [self.worker, self.codes[command]]

    def at_worker(self, frames):
        """The command and what follows it."""
        head = self.lead_back + [self.worker]
        assert frames[:len(head)] == head, frames
        code, *rest = frames[len(head):]
        return self.name(code), rest

    # The broker's side.

    def at_broker(self, frames):
        """(command, rest): "request" is a client's with [service, *body], all others a worker's."""
        assert frames[:len(self.lead)] == self.lead, frames
        header, *rest = frames[len(self.lead):]
        if header == self.client:
            assert rest[:len(self.request)] == self.request, frames
            return "request", rest[len(self.request):]
        assert header == self.worker, frames
        return self.name(rest[0]), rest[1:]

    def worker_request(self, client, body):
        return self.lead_back + [self.worker, self.codes["request"], client, b""] + body

    def to_worker(self, command):
        """HEARTBEAT or DISCONNECT."""
        return self.lead_back + [self.worker, self.codes[command]]

    def reply_to_client(self, service, body):
        return self.lead_back + [self.client] + self.final + [service] + body

    def body_of_reply(self, rest):
        """The client and the body of a worker's reply, [client, *delimiter, *body]."""
        client, *rest = rest
        assert rest[:len(self.delimiter)] == self.delimiter, rest
        body = rest[len(self.delimiter):]
        assert body, "a reply has a body"
        return client, body

    def name(self, code):
        return next(name for name, known in self.codes.items() if known == code)


DIALECTS = {
    "mdp01": Dialect(
        client=b"MDPC01", worker=b"MDPW01", lead=[b""], lead_back=[b""], request=[], final=[],
        codes={"ready": b"\1", "request": b"\2", "final": b"\3", "heartbeat": b"\4",
               "disconnect": b"\5"},
        delimiter=[b""]),
    "mdp02": Dialect(
        client=b"MDPC02", worker=b"MDPW02", lead=[], lead_back=[], request=[b"\1"],
        final=[b"\3"],
        codes={"ready": b"\1", "request": b"\2", "partial": b"\3", "final": b"\4",
               "heartbeat": b"\5", "disconnect": b"\6"},
        delimiter=[b""]),
    "plantd02": Dialect(
        client=b"MDPC02", worker=b"MDPW02", lead=[b""], lead_back=[], request=[b"REQUEST"],
        final=[b"FINAL"],
        codes={"ready": b"READY", "request": b"REQUEST", "final": b"FINAL",
               "heartbeat": b"HEARTBEAT", "disconnect": b"DISCONNECT"},
        delimiter=[]),
}
