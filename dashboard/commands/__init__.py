"""Commands of the command line, one module a group; `dashboard.cli` puts them together."""
