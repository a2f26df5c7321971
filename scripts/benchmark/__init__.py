"""Measures a Fireworq-compatible server from outside, over HTTP alone.

    program      the order of what is measured, and how the program ends
    commandline  the options
    phases       what is measured, and how
    curves       the same while one thing grows: shapes (queues, payload, workers) and depth
    generator    sends pushes over many connections
    pushes       the pushes that are sent
    sink         the worker: a process of its own that notes when each job comes
    worker       that process, and the questions it is asked
    target       the server under test, through its API
    private      a server of our own, started for the measurement
    quiet        a server with many queues and nothing to do
    observed     a process as the operating system sees it
    figures      numbers → percentiles and medians; no I/O
    report       figures → a table or JSON

The generator and the sink run on the same machine as the server and take time from it, so both are plain
epoll loops: a frame that costs 50 µs a request would measure itself.
"""
