"""The key management service: keys over REST, a SQLite key store, master keys in the crypto units."""
