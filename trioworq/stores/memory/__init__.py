"""The in-memory store: places (the order of jobs and failures), ownership, and the store itself."""
