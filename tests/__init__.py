"""The tests: ``python3 -m unittest``. Network tests use real sockets on loopback, on free ports."""
