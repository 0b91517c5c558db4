"""The bodies of the commands: each a function from the words behind its name to an exit status."""
