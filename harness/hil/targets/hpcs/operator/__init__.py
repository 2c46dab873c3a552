"""Recovery procedures: TOML files, their loader, and the operator who follows them."""
