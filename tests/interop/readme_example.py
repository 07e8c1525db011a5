"""The example of the original's README, translated from its Pd.Client. usage: readme_example.py ENDPOINT"""

import json
import sys

import zmq

from talk import say


class Client:
    """What Pd.Client does: REQ, and MDP 0.1's two frames in front of operation and JSON."""

    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.REQ)
        self.socket.rcvtimeo = 30_000
        self.socket.connect(endpoint)

    def send_request(self, service, operation, body):
        message = [b"MDPC01", service.encode(), operation.encode(), json.dumps(body).encode()]
        self.socket.send_multipart(message)
        header, service, *reply = self.socket.recv_multipart()
        assert header == b"MDPC01"
        say(operation, reply=[json.loads(frame) for frame in reply])


client = Client(sys.argv[1])
state, scope = "org.plantd.State", "org.plantd.Test"
client.send_request(state, "create-scope", {"service": scope})
client.send_request(state, "set", {"service": scope, "key": "foo", "value": "oof"})
client.send_request(state, "set", {"service": scope, "key": "bar", "value": "rab"})
client.send_request(state, "get", {"service": scope, "key": "foo"})
client.send_request(state, "get", {"service": scope, "key": "bar"})
client.send_request(state, "delete", {"service": scope, "key": "foo"})
client.send_request(state, "delete", {"service": scope, "key": "bar"})
client.send_request(state, "delete-scope", {"service": scope})
say("done")
