"""What the overview is made of: every feed's figures over the same towns, what moved most, how good the data is."""
