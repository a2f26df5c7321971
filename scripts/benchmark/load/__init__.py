"""How long the load over time takes to be read, by how much of it there is and by what is asked of it.

program      the order of what is measured
commandline  the options
past         samples, as a sampler would have left them behind
phases       what is asked
report       figures → a table or JSON
"""
