"""What crosses a socket: HTTP over Unix sockets and the PKCS#11 remote protocol; open to the bench."""
