"""MassGen, the client this gateway is built for: the configuration it accepts. Not its code: MassGen runs unchanged, in
an environment of its own."""
