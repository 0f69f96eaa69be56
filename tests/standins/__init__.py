"""Stand-ins for services of other people, over real HTTP on loopback: own code, no recorded traffic."""
