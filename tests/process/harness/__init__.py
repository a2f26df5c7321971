"""Breaks a real cluster under load, keeps a record of everything, and judges the promises by it."""

# A run's way, from the plan to the table:
#
#   running        carries a plan out: calm, faults, quiet end
#                    scene        what it takes place on
#                    assignments  what the jobs are, and how each has to end
#                    sides        what a side of a run is: pushed jobs, fetched jobs, operators
#                    push_side    the one side
#                    load         its clients: they push, delete, list and redefine
#                    pull         the other side, a folder of its own
#                    operators    those who look after jobs of both; their promises are there too
#                    connection   one request to one node: answered, broken off, or never sent
#                    ledger       what was asked, and what came of it
#                    worker       records each run of a job
#                    cluster      the daemons, as processes
#                    databases    what they keep their jobs in
#                    faults       what is done to them; each has a name
#                    doomed       runs a daemon that kills itself at a named point
#                    skewed       runs a daemon whose wall clock steps
#                    journal      files of JSON lines: ledger, runs, events
#   evidence       what is left of a run, read back from its folder
#   promises       I1 to I15, each a function from the evidence to what breaks it
#   explaining     which fault may have made a job run again
#   table          for each fault: how often, jobs, lost, run twice, longest gap
#   report         the table and the broken promises of a run
#   soak           the command line: python -m tests.process.harness
#
# Assignments, load, evidence, promises and report are those of the push side; `pull` has its own.
