"""Pushes, and their deliveries to a worker.

program      the order of what is measured
commandline  the options
phases       what is measured, and how
curves       the same while one thing grows: shapes (queues, payload, workers) and depth
pushes       the requests that push jobs
sink         the worker: a process of its own that notes when each job comes
worker       that process, and the questions it is asked
quiet        a server with many queues and nothing to do
figures      what a run measures
report       figures → a table or JSON
"""
