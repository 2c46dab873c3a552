"""Durable system calls of a process as events that the bench sees before they happen.

The kernel stops a watched process at the entry of each call that could change a file, and asks the bench
(seccomp user notification, Linux 5.19 or newer, no privilege needed). While the bench thinks the call has not
happened: it can kill the process there, answer an error in place of the call, or let it happen. Nothing of
this is in the emulator.
"""
