# What this machine has: interpreters, Debian's packages, clean clones, environments that are thrown away.

interpreters() { # interpreters [free-threaded]: one CPython from 3.7 for each minor version, pyenv's before PATH's
    local candidate kind=${1:-usual}
    { command -v pyenv >/dev/null && ls -d "$(pyenv root)"/versions/*/bin/python; compgen -c python3; } 2>/dev/null |
        grep -E '/python$|^python3(\.[0-9]+t?)?$' | while read -r candidate; do
            candidate=$(command -v "$candidate") && "$candidate" - "$kind" "$candidate" 2>/dev/null <<'PYTHON'
import sys, sysconfig
kind = "free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else "usual"
if sys.implementation.name == "cpython" and sys.version_info >= (3, 7) and kind == sys.argv[1]:
    print("%d.%02d" % sys.version_info[:2], sys.argv[2])
PYTHON
        done | sort -s -u -k1,1 | cut -d' ' -f2
}

version() { # version PYTHON, or the command that runs it
    "$@" -c 'import platform; print(platform.python_implementation(), platform.python_version())'
}

has() { # has VERSION PYTHON...: whether one of them is of this version, as 3.7
    local python wanted=$1
    shift
    for python in "$@"; do
        [ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$wanted" ] && return
    done
    return 1
}

debian() { # debian COMMAND...: see to it that there are these commands, each from Debian's package of that name
    local command absent=()
    PATH="$PATH:/usr/sbin:/sbin" # which not every PATH holds
    for command in "$@"; do
        command -v "$command" >/dev/null || absent+=("$command")
    done
    [ "${#absent[@]}" -eq 0 ] && return
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
        # RUNLEVEL: so that no package starts its service.
        local get=(env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
        "${get[@]}" update && "${get[@]}" install --no-install-recommends "${absent[@]}" && hash -r && command -v "${absent[@]}" && return
        lacks "apt-get could not install ${absent[*]}"
    fi
    lacks "needs ${absent[*]}, which only root can install with apt-get"
}

clone() { # clone: make a clean clone, and print where it is
    local folder
    folder=$(mktemp -d "$work/clone-XXXXXX") && git clone -q . "$folder" && echo "$folder"
}

venv() { # venv PYTHON REQUIREMENT...: make an environment with these packages in it, and print where it is
    local folder python=$1
    shift
    folder=$(mktemp -d "$work/venv-XXXXXX") && "$python" -m venv "$folder" >&2 || return
    [ $# -eq 0 ] || from_pypi "$folder/bin/pip" install -q "$@" >&2 && echo "$folder"
}

from_pypi() { # from_pypi PIP ARGUMENT...: run pip; if it fails as nothing can be had from PyPI, the step is skipped
    local pip=(env PIP_DISABLE_PIP_VERSION_CHECK=1 "$1")
    "${pip[@]}" "${@:2}" && return
    "${pip[@]}" download -q --no-deps --dest "$work/pip" pip || lacks "PyPI is out of reach"
    return 1
}
