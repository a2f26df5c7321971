"""What the clients have for who looks after jobs: failures, any job's status, counts, load, pauses."""

# General layout, a part of the client's own:
#
#   methods    what both clients have
#   calls      each method as a request
#   answers    what comes back
#   values     jobs, queues, counts and load
