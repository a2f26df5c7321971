"""The console in a real browser, as people use it, on daemons that run.

browsing     a person at a browser, who notices whatever the browser complains of
pages        every page that the console has
shop         a daemon with jobs in every state, and workers
accessible   what axe-core finds wrong with a page
"""
