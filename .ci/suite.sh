# The tests, in an environment that holds nothing but what is named here.

tests() { # tests COMMAND...: run unittest; the result is how many tests there were, and why some were skipped
    local log ran skipped
    log=$(mktemp "$work/tests-XXXXXX")
    env -i PATH="$PATH" "$@" 2>&1 | tee "$log"
    [ "${PIPESTATUS[0]}" -eq 0 ] || return
    ran=$(sed -nE 's/^Ran ([0-9]+) tests? in .*/\1/p' "$log")
    skipped=$(sed -nE 's/^OK \(.*skipped=([0-9]+).*/\1/p' "$log")
    sed -nE "s/.* \.\.\. skipped ['\"](.*)['\"]$/\1/p" "$log" | sort | uniq -c | sed -E 's/^ */skipped /'
    echo "$ran tests, ${skipped:-0} skipped"
    [ "$ran" -gt 0 ]
}

suite() { # suite [VARIABLE=VALUE...] PYTHON [OPTION...]: the README's test command in a clean clone
    cd "$(clone)" && tests "$@" -m unittest -v
}

vendored() { # vendored NAME PYTHON [OPTION...]: the suite against acme._vendor.NAME instead, by changing the one line
    local name=$1
    shift
    cd "$(clone)" && mkdir -p acme/_vendor && touch acme/__init__.py acme/_vendor/__init__.py || return
    mv inngest_send "acme/_vendor/$name" && sed -i "s/^NAME = .*/NAME = \"acme._vendor.$name\"/" tests/helpers/library.py
    [ "$(git diff --numstat tests | cut -f1,2)" = $'1\t1' ] && tests "$@" -m unittest -v
}

free_threaded() {
    local python
    python=$(interpreters free-threaded | tail -n 1)
    [ -n "$python" ] || lacks "there is none on this machine"
    suite "$python" -W error -X dev
}

pypy() { # in the C locale PyPy takes variables to be ASCII, where CPython goes over to UTF-8
    debian pypy3 && suite LC_ALL=C.UTF-8 pypy3 -W error
}

steady() { # steady PYTHON [OPTION...]: the suite three times, in three orders, on a machine that is busy with other things
    local parent=$BASHPID seed seeds=() i
    cd "$(clone)" || return
    for ((i = 0; i < 2 * $(nproc); i++)); do
        "$1" -c "$burner" "$parent" &
    done
    for i in 1 2 3; do
        seed=$RANDOM
        echo "seed $seed: to repeat it, .ci/shuffled.py $seed"
        tests "$@" .ci/shuffled.py "$seed" -v || return
        seeds+=("$seed")
    done
    echo "three times, by the seeds ${seeds[*]}"
}

# Burns a core until its parent has ended, however that came about.
burner='
import os, sys
while os.getppid() == int(sys.argv[1]):
    sum(range(100000))
'
