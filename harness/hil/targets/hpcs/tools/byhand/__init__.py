"""An instance to try by hand: started detached, looked at, stopped again."""
