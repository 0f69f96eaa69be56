"""Does a server fit this machine, these values and the language models' rules? Verdicts before anything is fetched."""
