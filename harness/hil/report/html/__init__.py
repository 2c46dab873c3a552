"""report.html: a run directory as one page, without network or server, and readable without script."""
