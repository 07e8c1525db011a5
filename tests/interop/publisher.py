"""A publisher as Pd.Source is one. usage: publisher.py ENDPOINT connect|bind

{"wait": "topic"} waits until somebody has subscribed to it, {"lost": true} until nobody is subscribed
to anything, and {"publish": [..]} sends one message.
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
    # With the connection its subscriptions go, too; libzmq would keep them, and messages for them.
    socket.immediate = 1
    socket.connect(endpoint)

topics = set()


def read_subscription():
    frame = socket.recv()
    (topics.add if frame[:1] == b"\1" else topics.discard)(frame[1:])


say("started")
for command in commands():
    if "wait" in command:
        while command["wait"].encode() not in topics:
            read_subscription()
        say("subscribed")
    elif "lost" in command:
        while topics:
            read_subscription()
        say("lost")
    else:
        socket.send_multipart(to_bytes(command["publish"]))
        say("published")
