"""Measures a Fireworq-compatible server from outside, over HTTP alone.

    program     the command line, the order of the phases
    phases      what is measured, and how
    generator   pushes jobs over many connections
    sink        the worker: a process of its own that notes when each job comes
    target      the server under test, through its API
    private     a server of our own, started for the measurement
    figures     numbers → percentiles and medians; no I/O
    report      figures → a table or JSON

The generator and the sink run on the same machine as the server and take time from it, so both are plain
epoll loops: a frame that costs 50 µs a request would measure itself.
"""
