"""The pull side of a run: clients that enqueue, workers that fetch, and what is promised to both."""

# In the order of a run:
#
#   assignments    what the jobs are, and how each has to end
#   verbs          the requests, in their three spellings
#   clients        they enqueue, and keep the ledger
#   worker         a process that fetches jobs and does what they say
#   crew           the worker processes; two of them may be killed and stopped
#   side           all that as a side of a run
#   evidence       what is left of a run: hand-outs of jobs, and changes to them
#   leases         between which times a lease has ended, as far as can be known
#   promises       each a function from the evidence to what breaks it; those of leases in
#                  `lease_promises`, that of an order in `ordering`
#   report         the table of a run
