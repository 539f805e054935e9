"""Cases as pages read them: rows under filters, figures narrowed to them, one case and what became of it."""
