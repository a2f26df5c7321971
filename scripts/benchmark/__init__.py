"""Measures a job queue from outside, over HTTP alone.

    program      what is measured, and how the program ends
    options      what all command lines have
    push         pushes and their deliveries: any Fireworq-compatible server
    pull         jobs that workers fetch
    manage       counts, lists and what is done to all failed jobs, beside many jobs
    load         how long the load over time takes to be read
    console      what an open console costs the server
    asking       one request that may take long
    crowd        clients that talk to the server at the same time, over a connection each
    generator    the clients that hand over jobs
    listening    the loop of what answers in the server's stead, or takes its deliveries
    target       the server under test, through its API
    private      a server of our own, started for the measurement
    observed     a process as the operating system sees it
    figures      numbers → percentiles and medians; no I/O
    table        figures → lines

What runs on the same machine as the server takes time from it, so all of this are plain epoll loops: a frame
that costs 50 µs a request would measure itself.
"""
