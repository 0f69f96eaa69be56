"""Conversations with one server: over pipes or HTTP, from the handshake on."""
