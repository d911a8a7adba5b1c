"""The tests: ``python3 -m unittest``. Network tests use real sockets on loopback, on free ports."""

import os

# What the machine is configured for must not reach the clients under test.
for name in list(os.environ):
    if name.lower().endswith("_proxy") or name.startswith("INNGEST_") or name.endswith(("_GIT_BRANCH", "_COMMIT_REF")):
        del os.environ[name]
