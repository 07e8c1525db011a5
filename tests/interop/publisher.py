"""A publisher as Pd.Source is one. usage: publisher.py ENDPOINT connect|bind

{"wait": "topic"} waits until somebody has subscribed to it, {"publish": [..]} sends one message.
XPUB is PUB that can see subscriptions: nobody has to guess how long a slow joiner takes.
"""

import sys

import zmq

from talk import commands, say, to_bytes

endpoint, mode = sys.argv[1:]
socket = zmq.Context().socket(zmq.XPUB)
socket.reconnect_ivl = 10
if mode == "bind":
    socket.bind(endpoint)
else:
    socket.connect(endpoint)

topics = set()
say("started")
for command in commands():
    if "wait" in command:
        topic = command["wait"].encode()
        while topic not in topics:
            frame = socket.recv()
            if frame[:1] == b"\1":
                topics.add(frame[1:])
        say("subscribed")
    else:
        socket.send_multipart(to_bytes(command["publish"]))
        say("published")
