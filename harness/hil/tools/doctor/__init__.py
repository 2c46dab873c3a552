"""What this machine has and lacks for the bench: a table of checks that look and change nothing."""
