"""The console: pages for people, on the same functions that the APIs have; each page has a folder."""

# routes       every route of the console
# desk         what pages are made with
#                rendering   templates → answers
#                templates   the one environment of templates, and what all of them can use
#                shown       texts of others, made visible
#                numbers     moments, durations and counts as people read them
#                rights      what a visitor may do
#                urls        addresses within the console
#                cookies     what browsers keep for the console
#                forms       what browsers send
# protection   keeps other sites from using a visitor's browser to change things
# answers      what becomes of every answer on its way out, refusals above all
#                headers     what browsers are told not to do
# assets       scripts, styles and pictures
# live         what pages are sent while they are open
# layout       what all pages look like, and what their scripts share
# static       libraries of others, as scripts/vendor brings them
#
# overview     every queue at a glance
# queue        one queue: its definition, how it does, its jobs
# job          one job
# failures     what has failed, and what is done about it
# routings     which queue takes which category
# new_job      pushing and enqueuing
# load         how much there was to do
# settings     the options in force
# about        what runs here
# login        how a browser gets a token to show
