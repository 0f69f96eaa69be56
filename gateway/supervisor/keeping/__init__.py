"""The set of a supervisor's children: their tasks, the order of their starts and ends, and how one relieves another."""
