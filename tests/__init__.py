"""The tests: ``python3 -m unittest``. Network tests use real sockets on loopback, on free ports.

Where a new one goes:

==================  ===================================================================================
``client``          what a program sees of ``Inngest``: arguments, calls, errors, threads, its end
``events``          ``Event``, and what becomes of Python values
``protocol``        batches, seed, headers, what responses mean, when to try again; no sockets
``http``            connections, time limits, TLS, proxies
``runtime``         clocks, forks, signal handlers
``cli``             the command line, run as a process
``event_server``    ``inngest_send.testing``
``project``         the package as a whole: imports, README, copies, other platforms, the longer tests
``helpers``         servers, proxies, processes and time for the tests; no tests
==================  ===================================================================================

``tests.benchmark``, ``tests.faults`` and ``tests.fuzz`` are commands; ``README.rst`` here says what for.
"""

import os

# What the machine is configured for must not reach the clients under test, nor the processes that tests start.
ENDINGS = ("_proxy", "_git_branch", "_commit_ref")
OTHERS = """
columns force_color no_color python_colors pythonasynciodebug pythondevmode pythonoptimize pythonwarnings
ssl_cert_dir ssl_cert_file sslkeylogfile
""".split()
for name in list(os.environ):
    if name.lower().startswith("inngest_") or name.lower().endswith(ENDINGS) or name.lower() in OTHERS:
        del os.environ[name]
