"""Which certificates are trusted, and what to say of those that are not.

TLS in the standard library reads environment variables that a platform or a colleague may have set wrong. Two of them
end the making of a context, with an error that does not name them. Two more are passed over without a word when they
name nothing usable; then no certificate verifies.
"""

from __future__ import annotations

import os

from ..errors import ArgumentInvalidError, Error

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


def verifying_context() -> SSLContext:
    """Return a context that verifies, with TLS 1.2 or newer. Raises Error where TLS is not to be had."""
    if ssl is None:
        raise Error("https needs the ssl module, which this Python was built without")
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
