"""A client. usage: client.py ENDPOINT DIALECT req|dealer

{"service": "..", "body": [..]} is asked and the reply printed: its frames as they came, and its body.
{"raw": [..]} is sent as it stands, and no reply awaited.
"""

import sys

import zmq

from majordomo import DIALECTS
from talk import commands, say, to_bytes, to_json

TIMEOUT_MS = 30_000

endpoint, dialect, kind = sys.argv[1:]
dialect = DIALECTS[dialect]
context = zmq.Context()


def connect():
    socket = context.socket(zmq.REQ if kind == "req" else zmq.DEALER)
    socket.reconnect_ivl = 10
    socket.linger = 0
    socket.connect(endpoint)
    return socket


def ask(socket, service, body):
    frames = dialect.client_request(service.encode(), to_bytes(body))
    # REQ puts the empty frame there itself, and takes it off the reply.
    socket.send_multipart(frames[1:] if kind == "req" else frames)
    if not socket.poll(TIMEOUT_MS):
        return say("timeout")
    frames = socket.recv_multipart()
    if kind == "req":
        frames = [b""] + frames
    answered, body = dialect.client_reply(frames)
    assert answered == service.encode(), answered
    say("reply", frames=to_json(frames), body=to_json(body))


socket = connect()
say("started")
for command in commands():
    if "raw" in command:
        socket.send_multipart(to_bytes(command["raw"]))
        say("sent")
    else:
        ask(socket, command["service"], command["body"])
