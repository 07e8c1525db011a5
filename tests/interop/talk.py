"""How these scripts talk to the tests: JSON lines out, JSON lines in.

A frame of text is a string; any other one is {"hex": ".."}, and {"fill": "x", "count": 9} is a long one.
"""

import json
import os
import sys
import threading
import time


def say(event, **details):
    """Prints what happened, with the time on the host's monotonic clock."""
    line = {"event": event, "atMs": time.monotonic() * 1000, **details}
    print(json.dumps(line), flush=True)


def commands():
    """What the test says, until it ends."""
    for line in sys.stdin:
        yield json.loads(line)


def end_with_the_test():
    """For scripts that take no commands: standard input closes when the test is gone."""
    def watch():
        sys.stdin.read()
        os._exit(0)
    threading.Thread(target=watch, daemon=True).start()


def to_bytes(frames):
    def one(frame):
        if isinstance(frame, str):
            return frame.encode()
        if "hex" in frame:
            return bytes.fromhex(frame["hex"])
        return frame["fill"].encode() * frame["count"]
    return [one(frame) for frame in frames]


def to_json(frames):
    def one(frame):
        try:
            return frame.decode()
        except UnicodeDecodeError:
            return {"hex": frame.hex()}
    return [one(frame) for frame in frames]
