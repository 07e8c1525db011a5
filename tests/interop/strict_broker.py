"""A strict broker. usage: strict_broker.py ENDPOINT DIALECT HEARTBEAT_MS

As the zguide's: a worker gets one request at a time, heartbeats go to idle workers only, silent idle
workers are forgotten. Unlike it, whatever the protocol does not allow is said to be a violation.
"""

import collections
import sys
import time

import zmq

from majordomo import DIALECTS
from talk import end_with_the_test, say, to_json

LIVENESS = 3

endpoint, dialect, heartbeat_ms = sys.argv[1:]
dialect = DIALECTS[dialect]
heartbeat = int(heartbeat_ms) / 1000
end_with_the_test()

socket = zmq.Context().socket(zmq.ROUTER)
socket.router_mandatory = 0
socket.linger = 0
socket.rcvhwm = socket.sndhwm = 0
socket.bind(endpoint)
say("bound")

services = {}  # worker -> service
busy = {}  # worker -> client
idle = collections.OrderedDict()  # worker -> when it last said something
waiting = collections.defaultdict(collections.deque)  # service -> (client, body)


def violation(worker, what):
    say("violation", what=what)
    forget(worker)
    socket.send_multipart([worker] + dialect.to_worker("disconnect"))


def forget(worker):
    services.pop(worker, None)
    busy.pop(worker, None)
    idle.pop(worker, None)


def dispatch(service):
    for worker in [w for w in idle if services[w] == service][:len(waiting[service])]:
        client, body = waiting[service].popleft()
        del idle[worker]
        busy[worker] = client
        socket.send_multipart([worker] + dialect.worker_request(client, body))


def on_message(sender, frames):
    command, rest = dialect.at_broker(frames)
    if command == "request":
        service, *body = rest
        assert body, frames
        waiting[service].append((sender, body))
        dispatch(service)
    elif command == "ready":
        if sender in services:
            return violation(sender, "a second READY")
        services[sender], = rest
        idle[sender] = time.monotonic()
        say("worker", service=services[sender].decode(), workers=len(services))
        dispatch(services[sender])
    elif command == "disconnect" and sender in services:
        forget(sender)
        say("disconnect")
    elif sender not in services:
        # Left over from an earlier life of this broker, which is no fault of the worker's.
        say("stranger", command=command)
        if command != "disconnect":
            socket.send_multipart([sender] + dialect.to_worker("disconnect"))
    elif command == "final":
        client, body = dialect.body_of_reply(rest)
        if busy.get(sender) != client:
            return violation(sender, "a reply nobody asked for")
        service = services[sender]
        del busy[sender]
        idle[sender] = time.monotonic()
        socket.send_multipart([client] + dialect.reply_to_client(service, body))
        dispatch(service)
    elif command == "heartbeat":
        if sender in idle:
            idle[sender] = time.monotonic()
    else:
        violation(sender, command)


beat_at = time.monotonic() + heartbeat
while True:
    if socket.poll(max(0, (beat_at - time.monotonic()) * 1000)):
        sender, *frames = socket.recv_multipart()
        try:
            on_message(sender, frames)
        except Exception as error:
            say("violation", what=repr(error), frames=to_json(frames))
    now = time.monotonic()
    if now >= beat_at:
        beat_at = now + heartbeat
        for worker in [w for w, heard in idle.items() if now - heard > heartbeat * LIVENESS]:
            say("silent")
            forget(worker)
        say("beat")
        for worker in idle:
            socket.send_multipart([worker] + dialect.to_worker("heartbeat"))
