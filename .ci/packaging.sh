# Building and installing, each from a clean clone into an empty environment.

works() { # works COMMAND [VARIABLE=VALUE...] PYTHON: what is installed sends events, from an empty folder
    local command=$1 run id ids
    shift
    run=(env -i PATH="$PATH" "$@")
    cd "$(mktemp -d "$work/empty-XXXXXX")" || return
    ids=$("${run[@]}" -m inngest_send send app/user.created --local) || return
    ids+=" $(env -i PATH="$PATH" "${@:1:$#-1}" "$command" send app/user.created --local)" || return
    for id in $ids; do grep -E '^[0-9A-HJKMNP-TV-Z]{26}$' <<<"$id" || return; done
    "${run[@]}" -c '
import inngest_send, os
print(inngest_send.__version__, "in", os.path.dirname(inngest_send.__file__))' && echo "sent $(wc -w <<<"$ids") events"
}

offline() { # offline COMMAND...: with no index of packages to look into, whatever pip is configured for
    env PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS= "$@"
}

pip_install() { # pip_install PYTHON: in an isolated build environment, with the newest setuptools there is for it
    local target
    target=$(venv "$1") && cd "$(clone)" &&
        from_pypi "$target/bin/pip" install . && works "$target/bin/inngest-send" "$target/bin/python"
}

pip_install_offline() { # pip_install_offline PYTHON: with the setuptools that the Python came with, if it did
    local target
    target=$(venv "$1" setuptools wheel) && cd "$(clone)" &&
        offline "$target/bin/pip" install --no-index --no-build-isolation . && works "$target/bin/inngest-send" "$target/bin/python"
}

pip_install_target() { # pip_install_target PYTHON: into a folder, as the README has it; Debian's Python has no pip
    local folder tools
    folder=$(mktemp -d "$work/program-XXXXXX") && tools=$(venv "$1") && cd "$(clone)" &&
        from_pypi "$tools/bin/pip" install --target "$folder" . && works "$folder/bin/inngest-send" PYTHONPATH="$folder" "$1"
}

setup_py() { # setup_py PYTHON: sdist and wheel, what is in them, the wheel of the sdist, and that both can be uploaded
    local builder checker
    # Upgraded: before version 60 or so setuptools indents the README in an sdist's metadata, and it renders nowhere.
    builder=$(venv "$1" --upgrade setuptools wheel) && checker=$(venv "$newest" twine) && cd "$(clone)" || return
    "$builder/bin/python" setup.py -q sdist bdist_wheel 2>&1 | tee "$work/build"
    [ "${PIPESTATUS[0]}" -eq 0 ] || return
    # The deprecation of the command itself is known: that is what is to be run here.
    ! grep DeprecationWarning: "$work/build" | grep -v 'setup.py install is deprecated' || return
    offline "$builder/bin/pip" wheel -q --no-deps --no-build-isolation --wheel-dir rebuilt dist/*.tar.gz &&
        "$checker/bin/twine" check --strict dist/* &&
        "$newest" .ci/distributions.py dist/*.whl dist/*.tar.gz rebuilt/*.whl
}
