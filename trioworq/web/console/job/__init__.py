"""One job: what is known of it, what it carries, its life so far, and what can be done to it."""

# endpoints   /console/job and what is beneath it
# stage       how a job stands, in words and figures
# life        what has become of it so far, and what comes next
# payloads    what it carries, as people read it
# indent      JSON text with line ends
