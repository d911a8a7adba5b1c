"""What is in a wheel and an sdist: ``distributions.py WHEEL SDIST WHEEL_OF_THE_SDIST``, run in a clone."""

import email
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

PACKAGE = "inngest_send"


def check(wheel, sdist, rebuilt):
    """Return what is right, in a line. Raises AssertionError for what is not."""
    tracked = subprocess.check_output(["git", "ls-files", PACKAGE], text=True).splitlines()
    version = re.search('^__version__ = "(.*)"$', pathlib.Path(PACKAGE, "_version.py").read_text(), re.MULTILINE)[1]
    assert pathlib.Path(wheel).name == f"{PACKAGE}-{version}-py3-none-any.whl", wheel

    files = contents(wheel)
    info = f"{PACKAGE}-{version}.dist-info/"
    package = {name: content for name, content in files.items() if not name.startswith(info)}
    assert package == {name: pathlib.Path(name).read_bytes() for name in tracked}, sorted(package.keys() ^ tracked)
    assert f"{PACKAGE}/py.typed" in package

    metadata = email.message_from_bytes(files[info + "METADATA"])
    assert (metadata["Name"], metadata["Version"], metadata["Requires-Python"]) == ("inngest-send", version, ">=3.7")
    assert metadata.get_all("Requires-Dist") is None
    assert metadata["Description-Content-Type"] == "text/x-rst"
    assert b"Root-Is-Purelib: true" in files[info + "WHEEL"]
    assert files[info + "top_level.txt"].decode().split() == [PACKAGE]
    assert b"inngest-send = inngest_send.__main__:" in files[info + "entry_points.txt"]
    assert contents(rebuilt) == files, "the sdist builds another wheel"

    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {*tracked, "setup.py", "setup.cfg", "README.rst"}, sorted(names)
    return f"{pathlib.Path(wheel).name}: the package's {len(tracked)} files and no others; its sdist builds the same"


def contents(wheel):
    """Return the content of each file in a wheel, by its name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


if __name__ == "__main__":
    print(check(*sys.argv[1:]))
