"""Rigs: a whole instance of crypto units, kms and key store on this machine, restorable from a snapshot."""
