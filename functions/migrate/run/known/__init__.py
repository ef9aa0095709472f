"""Record what later runs need to recognize tables whose files and rows have not changed."""
