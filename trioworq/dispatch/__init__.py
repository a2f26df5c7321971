"""The push side: every running queue, its dispatcher, and the HTTP calls to the workers."""

# A job's way, from the push to its worker:
#
#   queues         every queue of this node: pushes, and what the web asks of them
#                    routings   which queue takes which category
#   definitions    which queues there are, each with a dispatcher that runs
#   dispatcher     one queue: claims jobs, or starts them at once
#                    slots      how many may start now
#   runs           its jobs in workers' hands
#                    settling   what follows from a call
#   poller         finds due jobs that nobody told of
#   ownership      keeps the leases of the queues that this node dispatches
#   summary        what all of this has done and is doing, in numbers
#   store_watch    whether the store answers, for those who ask how this node is
#   workers        a call: one POST, one verdict
#                    targets    what a URL leads to
#                    hops       the request, and those that redirects ask for
#                    idle       connections that wait for the next call
#                    dialling   new ones, to what addresses finds and egress admits
#                      egress     which addresses may be called
#                      entries    its rules, as options give them
#                      refusals   what the log says of the rest
#                    exchange   one request and its reply on one connection
#                    replies    what a worker answers, parsed
