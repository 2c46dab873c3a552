"""A second opinion: what the documents say that an instance does, without an instance.

Modelled: registers of every unit, rows by master key, whether workloads are shut out, the selection of the
workstation, messages on the terminal, and each command as the steps that a kill can fall between. Master keys
are names (C, N1, N2, P), so nothing here can leak or mistake one. Written from the reference of the product
and from README's list of assumptions, never from the emulator's code: two readings of one text that agree by
accident are less likely than one reading that is wrong.

Not modelled: tokens and passwords, signatures, single rows (a rewrap is begun, half done, done), time, and
the operator. Which commands are typed is evidence of the campaign; what they do to the instance is predicted.

Rejected: a model that also decides like the operator. It would share the rules' text with the bench, and so
its mistakes; properties of procedures are tested by the bench's own operator at a console of this twin.
"""
