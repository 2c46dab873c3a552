"""A warm parent: processes of the emulator forked from one that has imported everything.

A cold Python with its imports takes about a quarter of a second of processor time for a crypto unit, and a
scenario starts six to ten processes. A forked one is a process like any other: own session, own descriptors,
own environment, killed by its own id, and it dies with the bench.

Not modelled this way: the first milliseconds of a program, in which a cold one would be importing.
Rejected: the fork server of multiprocessing. Up to Python 3.13 each of its children runs the bench's own
main module again, which took 50 ms a process against 3 ms for the fork (two cores, Python 3.11).
"""
