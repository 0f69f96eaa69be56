"""When a server's processes run: from the first call on, until nobody uses them, kept ready, or started ahead."""
