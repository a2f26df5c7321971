"""The rules of the queue as pure functions and frozen values.

There is no Trio, no I/O, no clock and no logging here: a function that needs the time takes it, so
every rule can be tested by calling it.
"""

#   errors         what a caller can do wrong
#   queues         definitions, and what follows from a changed one
#   routing        category → queue
#   jobs           orders, jobs and failures
#   pull           jobs that workers fetch, and the life of those
#   results        what a worker's answer means
#   retry          what follows from it: the life of a job
#   throttle       how often jobs may start
#   failures       which failed jobs are meant, and what comes of running them again
#   load           how many jobs there are, by job type
#   periods        which time a series of that may cover
#   leases         which node gets a queue
#   nodes          what nodes say of themselves
#   overview       how queues stand, and which need somebody to look
#   suspicion      when a node counts as gone
#   cursors        places in a list
#   stats          the counters of a queue
#   histogram      how often a measure was how large
