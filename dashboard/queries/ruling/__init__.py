"""The parts of the page 规则: what it shows, how a rule and a change are told, and its files."""
