"""Those who look after jobs while everything else goes on: their requests, and what is promised to them."""

# In the order of a run:
#
#   clients     they run failed jobs again, remove them, pause queues and resume them; a side of a run
#   evidence    what they asked for and what came of it; the history of finished jobs
#   promises    each a function from that, and from when jobs began, to what breaks it
#   pushed      those promises, from the evidence of the push side
#   fetched     the same, from that of the pull side
