"""Use cases as plain coroutines: the admin API, the CLI without a daemon and the built-in tools call the same ones."""
