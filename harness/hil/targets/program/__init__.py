"""Another system under test: any command that rotates keys in files, described by a profile.

A profile says which commands the operator has, which messages count, how a key is read, and how the operator
recovers. The bench makes a golden folder, records the rotation twice, kills it before every durable system
call and around every PKCS#11 call that it makes, follows the procedure and asks what is left of the keys.

Not modelled: depth 2; deaths of what the command starts (they die with it); what a power cut would take out
of the page cache.
"""
