"""A bus: libzmq's own proxy. usage: bus.py FRONTEND BACKEND"""

import sys

import zmq

from talk import end_with_the_test, say

frontend, backend = sys.argv[1:]
end_with_the_test()
context = zmq.Context()
xsub, xpub = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
xsub.bind(frontend)
xpub.bind(backend)
say("bound")
zmq.proxy(xsub, xpub)
