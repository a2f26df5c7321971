"""The push side: every running queue, its dispatcher, and the HTTP calls to the workers."""
