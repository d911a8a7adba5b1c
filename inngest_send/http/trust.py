"""Which certificates are trusted, and what to say of those that are not.

TLS in the standard library reads environment variables that a platform or a colleague may have set wrong. Two of them
end the making of a context, with an error that does not name them. Two more are passed over without a word when they
name nothing usable; then no certificate verifies.

To make a context means to parse each certificate that is trusted, which takes most of the time of a first send: the
last one is kept and shared by all clients of a process. Nothing alters it once it is made, and no caller gets hold of
it. A client made after what it came from has changed, be it a variable, a file or a function of ``ssl`` that a program
has replaced, gets a new one.
"""

from __future__ import annotations

import os

from ..errors import ArgumentInvalidError, Error
from ..runtime.process import PerProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from ssl import SSLContext
else:
    try:
        import ssl
    except ImportError:  # a Python built without it does http
        ssl = None

# Codes of OpenSSL's x509_vfy.h.
_UNKNOWN_AUTHORITY = (2, 18, 19, 20, 21, 27)  # the issuer is not known, or is the certificate itself
_NOT_STRICT = range(79, 95)  # what is looked for under VERIFY_X509_STRICT alone, which Python 3.13 has set


_shared = PerProcess(dict)  # by what it was made from; of these never more than one


def verifying_context() -> SSLContext:
    """Return a context that verifies, with TLS 1.2 or newer. Raises Error where TLS is not to be had."""
    if ssl is None:
        raise Error("https needs the ssl module, which this Python was built without")
    if os.name == "nt" or os.environ.get("SSLKEYLOGFILE"):
        return _new_context()  # nothing shows whether the system's store, or the log, is still the same
    origin = _origin()  # looked at first: what changes while certificates are read is seen the next time
    contexts = _shared.get()
    context: SSLContext | None = contexts.get(origin)
    if context is None:
        context = _new_context()
        contexts.clear()
        contexts[origin] = context
    return context


def _origin() -> tuple[object, ...]:
    """Return all that decides what a new context trusts."""
    paths = ssl.get_default_verify_paths()
    file = os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile)
    folders = os.environ.get(paths.openssl_capath_env, paths.openssl_capath)
    names = [file, *folders.split(os.pathsep)]
    return (ssl.create_default_context, ssl.SSLContext, file, folders, *map(_identity, names))


def _identity(path: str) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _new_context() -> SSLContext:
    try:
        context = ssl.create_default_context()
    except (OSError, ValueError) as err:  # ssl.SSLError is an OSError
        raise _unusable_setting(err) from err
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def certificate_problem(error: ssl.SSLCertVerificationError, *, is_own: bool) -> str:
    """Return why a certificate does not verify, and what to do. ``is_own``: under a context of verifying_context."""
    problem = f"the certificate does not verify: {error.verify_message}"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        unusable = unusable_trust() if is_own else ""
        if unusable:
            return f"{problem}; {unusable}"
        way_out = "name its file in SSL_CERT_FILE, or pass ssl_context" if is_own else "load it into ssl_context"
        return f"{problem}; where a private authority or a proxy that inspects TLS issued it, {way_out}"
    if error.verify_code in _NOT_STRICT:
        way_out = "pass ssl_context, from ssl.create_default_context(), with" if is_own else "set in ssl_context"
        return f"{problem}; where that cannot be fixed, {way_out} verify_flags &= ~ssl.VERIFY_X509_STRICT"
    return problem


def unusable_trust() -> str:
    """Return what is wrong with SSL_CERT_FILE and SSL_CERT_DIR, "" if nothing is."""
    paths = ssl.get_default_verify_paths()
    problems = []
    checks = ((paths.openssl_cafile_env, _file_problem), (paths.openssl_capath_env, _folder_problem))
    for variable, problem_of in checks:
        value = os.environ.get(variable)
        problem = problem_of(value) if value is not None else ""
        if problem:
            problems.append(f"{variable} {problem}")
    return ", and ".join(problems)


def _file_problem(path: str) -> str:
    if os.path.isdir(path):
        return "names a folder, and not a file with certificates"
    try:
        with open(path, "rb"):
            pass
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "names a file without a certificate in PEM format"
    except FileNotFoundError:
        return "names no file"
    except (OSError, ValueError) as err:
        return f"names a file that cannot be read: {getattr(err, 'strerror', None) or type(err).__name__}"
    return ""


def _folder_problem(paths: str) -> str:
    folders = paths.split(os.pathsep)
    if not any(os.path.isdir(folder) for folder in folders):
        return "names no folder"
    for folder in folders:
        try:
            if any(name[-2:-1] == "." and name[-1:].isdigit() for name in os.listdir(folder)):
                return ""
        except OSError:
            continue
    return "names a folder without certificates as `openssl rehash` names them"


def _unusable_setting(error: Exception) -> ArgumentInvalidError:
    problem = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
    if isinstance(error, ssl.SSLError):
        variable, meaning = "OPENSSL_CONF", "a configuration that OpenSSL can use"
    else:
        variable, meaning = "SSLKEYLOGFILE", "a file that can be written to"
    if os.environ.get(variable):
        return ArgumentInvalidError(f"{variable} must name {meaning}, or be unset: TLS cannot be set up: {problem}")
    return ArgumentInvalidError(f"TLS cannot be set up: {problem}; pass ssl_context")
