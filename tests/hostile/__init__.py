"""Every hostile input that the threat table names, with the refusal and that nothing was left behind."""
