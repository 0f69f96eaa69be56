"""Servers' secrets: kept as files or in the keyring of the operating system, or given by systemd. Never shown."""
