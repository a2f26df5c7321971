"""Jobs that workers fetch: enqueued, fetched, completed (relay-rs's API).

program      the order of what is measured
commandline  the options
phases       what is measured, and how
requests     what is asked of a server
workers      what each worker does
waiting      a worker that waits, and a client that enqueues what it waits for
instant      a server that only answers, to measure the rest alone
figures      what a run measures
report       figures → a table or JSON
"""
