"""The only speaker of HTTP: requests, sessions, answers, and the two shapes in which rows travel."""
