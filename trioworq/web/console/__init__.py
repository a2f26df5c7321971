"""The console: pages for people, on the same functions that the APIs have; each page has a folder."""

# routes       every route of the console
# desk         what pages are made with
#                rendering   templates → answers
#                templates   the one environment of templates, and what all of them can use
#                shown       texts of others, made visible
#                numbers     moments, durations and counts as people read them
#                rights      what a visitor may do
#                cookies     what browsers keep for the console
#                forms       what browsers send
# protection   keeps other sites from using a visitor's browser to change things
# answers      what becomes of every answer on its way out, refusals above all
#                headers     what browsers are told not to do
# assets       scripts, styles and pictures
# live         what pages are sent while they are open
# login        how a browser gets a token to show
# failures     what has failed, and what is done about it
# job          one job
# layout       what all pages look like
# static       libraries of others, as scripts/vendor brings them
