"""What has failed: in groups, one by one, and all of it run again or removed."""

# endpoints   /console/failures: groups and lists
# sweeping    /console/failures/confirm and /console/failures/sweep: many at once
# choice      which failures are meant, as queries, forms and people say it
