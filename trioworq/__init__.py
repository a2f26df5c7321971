"""trioworq: an HTTP job queue for any language, built on Trio."""

# General layout. Every module imports from its own layer or from those below it, never from above
# (import-linter holds this, see pyproject.toml):
#
#   cli         argv and environment → Config; trio.run; exit codes; and the commands that ask a daemon
#   daemon      the nursery tree, top to bottom, and the order of shutdown
#   web         request → values → call → values → response
#   manage      looking after jobs of both sides: what failed, where one is, how many there are and were
#   dispatch    the push side: queues, their dispatchers, the HTTP calls to workers
#   pull        the pull side: workers that wait for jobs, leases that end; dispatch and it are strangers
#   stores      durable state behind one interface; nothing above it sees SQL
#   core        pure rules and frozen values: no Trio, no I/O, no clock, no logging
#
# Beside them: config (one table of options) and options (how their texts are read), pauses (which queues are
# paused), logs (what access, queue and error lines say), sinks (where they go), clock (the one source of
# wall time), streams (bytes to and from a peer), shutdown (how a stop is asked for), service (what the
# service manager is told). What the modules of a folder are stands in its own __init__. The Python client is
# a world of its own, in client: neither it nor the daemon imports the other. The commands that ask a daemon
# are written with it, and load nothing else.

__version__ = "0.1.0"
