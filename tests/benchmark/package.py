"""What an installation brings: bytes, files, distributions."""

import configparser
import io
import json
import os
import subprocess
import zipfile

from tests.helpers.library import ROOT, inngest

# Under the other interpreter: a distribution and all that it requires, directly or not, of what is installed there.
_INSTALLED = """
import importlib.metadata as metadata, json, re, sys
found, wanted = {}, [sys.argv[1]]
while wanted:
    name = re.sub("[-_.]+", "-", wanted.pop()).lower()
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        continue  # for an extra, or another system
    if name not in found:
        found[name] = distribution
        required = [line for line in distribution.requires or () if "extra ==" not in line]
        wanted += [re.match("[A-Za-z0-9._-]+", line)[0] for line in required]
files = [path.locate() for found in found.values() for path in found.files or () if path.suffix != ".pyc"]
files = [path for path in files if path.is_file()]
size = sum(path.stat().st_size for path in files)
print(json.dumps({"size": size, "files": len(files), "distributions": len(found)}))
"""


def own_size():
    """Return the size of a wheel of this library, files and distributions as it would install.

    A wheel is a zip file of the package, and of the README as its metadata; here the same is zipped without the tools
    that make a wheel.
    """
    package = os.path.dirname(inngest.__file__)
    archive, count = io.BytesIO(), 0
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as wheel:
        for folder, _, names in os.walk(package):
            for name in names:
                if name.endswith((".py", ".typed")):
                    path = os.path.join(folder, name)
                    wheel.write(path, os.path.relpath(path, os.path.dirname(package)))
                    count += 1
        wheel.write(os.path.join(ROOT, "README.rst"), "METADATA")
    settings = configparser.ConfigParser()
    settings.read(os.path.join(ROOT, "setup.cfg"), encoding="utf-8")
    required = settings.get("options", "install_requires", fallback="").split()
    return {"size": len(archive.getvalue()), "files": count, "distributions": 1 + len(required)}


def installed_size(python, name):
    """Return the size, files and distributions that ``name`` takes where another interpreter has it installed."""
    return json.loads(subprocess.check_output([python, "-c", _INSTALLED, name]).decode())
