"""Writes as fast as it is answered. usage: load.py ENDPOINT SCOPE OUTSTANDING

Each key whose set was acknowledged is printed, one event each.
"""

import itertools
import json
import sys

import zmq

from majordomo import DIALECTS
from talk import end_with_the_test, say

endpoint, scope, outstanding = sys.argv[1:]
dialect = DIALECTS["mdp01"]
end_with_the_test()

socket = zmq.Context().socket(zmq.DEALER)
socket.connect(endpoint)
numbers = itertools.count()


def set_next():
    body = {"service": scope, "key": f"k{next(numbers)}", "value": "x" * 100}
    frames = [b"set", json.dumps(body).encode()]
    socket.send_multipart(dialect.client_request(b"org.plantd.State", frames))


for _ in range(int(outstanding)):
    set_next()
while True:
    _, body = dialect.client_reply(socket.recv_multipart())
    reply = json.loads(body[0])
    say("acknowledged" if "revision" in reply else "refused", key=reply.get("key"))
    set_next()
