"""The leader's daily snapshot: one figures object, its forms, and the archive in which it is final."""
