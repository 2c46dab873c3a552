"""What instances are made of beside the emulator, and other PKCS#11 modules behind the crypto units."""
