# Steps that run tools from PyPI, programs from Debian's packages, and the longer forms of the tests.

lint() {
    local tools
    tools=$(venv "$newest" ruff) && "$tools/bin/ruff" check --no-cache . && "$tools/bin/ruff" --version
}

types() { # against what is installed, by tools that come with a Node.js of their own
    local tools
    tools=$(venv "$newest" mypy 'pyright[nodejs]' "$(clone)") &&
        PYRIGHT_PYTHON_CACHE_DIR="$work/pyright" PYRIGHT_PYTHON_IGNORE_WARNINGS=1 "$tools/bin/python" .ci/typed.py
}

readmes() {
    local tools
    tools=$(venv "$newest" docutils pygments) &&
        "$tools/bin/python" .ci/readme.py README.rst inngest_send/cli/README.rst tests/README.rst
}

readme_frameworks() { # the READMEs' blocks again, by a Python that has what they import, so that none is skipped
    local tools
    debian jq zip
    tools=$(venv "$newest" pytest fastapi httpx2 celery) && cd "$(clone)" || return
    tests "$tools/bin/python" -W error -m unittest -v tests.project.test_readme.BlocksTest | tee "$work/blocks"
    [ "${PIPESTATUS[0]}" -eq 0 ] && ! grep '^skipped ' "$work/blocks" &&
        "$tools/bin/pip" list --disable-pip-version-check | grep -E '^(pytest|fastapi|celery) ' | tr -s ' ' | paste -sd,
}

aws_lambda() { # aws_lambda PYTHON: there are wheels of the runtime client for every CPython from 3.7 on Linux
    local tools
    tools=$(venv "$1" --only-binary=:all: awslambdaric) || lacks "PyPI has no wheel of awslambdaric for this machine"
    cd "$(clone)" && tests PYTHONPATH=. "$tools/bin/python" -W error .ci/lambda.py -v
}

gateways() {
    debian nginx squid tinyproxy openssl && cd "$(clone)" &&
        tests PYTHONPATH=.:.ci "$newest" -W error -X dev .ci/gateways.py -v
}

stress() { # gateways that are reloaded, killed and restarted while events flow through them
    debian nginx haproxy stunnel4 squid tinyproxy && cd "$(clone)" &&
        env -i PATH="$PATH" PYTHONPATH=.:.ci "$newest" -W error .ci/stress.py
}

package_of() { # package_of TEST: the package on PyPI that a test of a host program is named after
    basename "$1" .py | sed 's/^test_//; y/_/-/'
}

host_program() { # host_program TEST: the library inside somebody else's package
    local package tools needed
    package=$(package_of "$1")
    read -ra needed < <(sed -n 's/^# Also needs: //p' "$1")
    tools=$(venv "$newest" --only-binary=:all: "$package" "${needed[@]}") ||
        lacks "PyPI has no wheel of $package for $(version "$newest")"
    cd "$(clone)" && tests PYTHONPATH=.:.ci timeout 120 "$tools/bin/python" "$1" -v &&
        "$tools/bin/python" -c 'import importlib.metadata as m, sys; print("version", m.version(sys.argv[1]))' "$package"
}

page() { # of `serve`, in a real browser
    debian chromium && cd "$(clone)" && tests PYTHONPATH=. "$newest" -W error -X dev .ci/page.py -v
}

faults() { # nothing lost, nothing doubled, in a long run of random faults
    cd "$(clone)" && "$newest" -m tests.faults --events 200000 --seed 1 | tee "$work/faults"
    [ "${PIPESTATUS[0]}" -eq 0 ] && sed -nE 's/^(events|requests|lost|doubled) +(.*)/\2 \1/p' "$work/faults" |
        paste -sd'|' | sed 's/|/, /g'
}

fuzzing() {
    cd "$(clone)" && "$newest" -m tests.fuzz --cases 20000 --seed 1 && echo "20,000 cases"
}

nights() { # kill -9 at random moments, and the same command again: every event is run exactly once
    cd "$(clone)" && "$newest" .ci/nights.py
}

counts() { # of instructions
    debian valgrind && cd "$(clone)" && tests PYTHONPATH=. "$newest" -W error .ci/counts.py -v
}

benchmark() { # only to see that it works: nothing can be told by times that were taken so
    local tools
    tools=$(venv "$newest" inngest) && cd "$(clone)" &&
        "$newest" -m tests.benchmark --short --peer "$tools/bin/python" &&
        "$tools/bin/python" -c 'import importlib.metadata as m; print("beside inngest", m.version("inngest"))'
}
