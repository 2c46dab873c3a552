"""Other PKCS#11 modules behind the crypto units: what a profile says, and what a module has to have."""
