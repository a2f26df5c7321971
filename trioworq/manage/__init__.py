"""Looking after the jobs of both kinds: what failed, where one is, how many there are and were.

failed      lists failed jobs, runs them again, removes them
browse      lists them, queue by queue, and groups of failures
repair      changes one of them
sweeps      changes many failed ones, as a task that can be watched
lookup      finds any job by its id; counts them all
load        the load over time and the queued jobs, by job type
types       the numbers of job types
shared      one count for all who ask at the same time
resting     lets others at the store have their turn between one transaction and the next

reporter    says what goes on in the queues of this node
feed        how all queues stand, for those who watch
standings   what they are shown, put together
sampler     writes down the load at intervals, on one node of a cluster
pruner      forgets what has been kept long enough

management  opens it all
"""
