"""JSON Schemas written by strangers, used within limits: nothing they say can hang, fetch or overfill us."""
