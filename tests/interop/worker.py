"""An echo service. usage: worker.py ENDPOINT DIALECT SERVICE HEARTBEAT_MS

Answers each request with its body, says what it hears, and beats as the RFC wants it.
"""

import sys
import time

import zmq

from majordomo import DIALECTS
from talk import end_with_the_test, say, to_json

endpoint, dialect, service, heartbeat_ms = sys.argv[1:]
dialect = DIALECTS[dialect]
heartbeat_ms = int(heartbeat_ms)
end_with_the_test()

context = zmq.Context()


def connect():
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(endpoint)
    socket.send_multipart(dialect.ready(service.encode()))
    say("ready")
    return socket


socket = connect()
beat_at = time.monotonic() + heartbeat_ms / 1000
while True:
    if socket.poll(max(0, (beat_at - time.monotonic()) * 1000)):
        command, rest = dialect.at_worker(socket.recv_multipart())
        say(command, frames=to_json(rest))
        if command == "request":
            client, empty, *body = rest
            assert empty == b"", rest
            socket.send_multipart(dialect.reply(client, body))
        elif command == "disconnect":
            socket.close()
            socket = connect()
    if time.monotonic() >= beat_at:
        socket.send_multipart(dialect.to_broker("heartbeat"))
        beat_at = time.monotonic() + heartbeat_ms / 1000
