"""The rules of the queue as pure functions and frozen values.

There is no Trio, no I/O, no clock and no logging here: a function that needs the time takes it, so
every rule can be tested by calling it.
"""
