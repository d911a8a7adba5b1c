# Steps: each is a command that runs in a subshell, with a log of its own, and comes to one line.
#
# `begin` starts one beside the one before it, for those that wait more than they work; `step` runs one alone, for those
# with an eye on the time. Results come in the order in which the steps were begun.

passed=0
failed=0
results=()
running=() # the logs of the steps that are begun and not reported, each named after its step in "$log.name"

step() { # step NAME COMMAND...: run a command when all that was begun is done
    finish 0
    begin "$@"
    finish 0
}

begin() { # begin NAME COMMAND...: start a command, beside one other at most
    local log
    [[ $1 = *"$only"* ]] || return 0
    finish 1
    log=$(mktemp "$work/log-XXXXXX")
    echo "$1" >"$log.name"
    (
        started=$SECONDS
        ("${@:2}") >"$log" 2>&1 </dev/null
        echo "$? $((SECONDS - started))" >"$log.end"
    ) &
    running+=("$log" $!)
}

finish() { # finish COUNT: wait until no more than so many steps run, and report the others
    while [ "${#running[@]}" -gt $(($1 * 2)) ]; do
        wait "${running[1]}"
        report "${running[0]}"
        running=("${running[@]:2}")
    done
}

report() { # report LOG: a step's last line is its result; what was skipped is shown, and tables, and a failure's log
    local log=$1 name result status seconds
    name=$(cat "$log.name")
    result=$(tail -n 1 "$log")
    read -r status seconds <"$log.end"
    case $status in
    0)
        passed=$((passed + 1))
        line "ok      $name: $result ($seconds s)"
        grep -E '^(skipped |\| )' "$log" | sed 's/^/        /'
        ;;
    "$missing")
        line "SKIPPED $name: $result"
        ;;
    *)
        failed=$((failed + 1))
        line "FAILED  $name: exit code $status ($seconds s)"
        grep -v ' \.\.\. ok$' "$log" | sed 's/^/    /'
        ;;
    esac
}

line() {
    results+=("$1")
    echo "$1"
}

missing=77 # the exit code of a step that something is missing for, as Automake has it

lacks() { # lacks REASON: end a step that cannot be run on this machine
    echo "$1"
    exit "$missing"
}

summary() { # when all is done: all results again, and how many there were of each kind; fails if a step failed
    finish 0
    echo
    printf '%s\n' "${results[@]}"
    echo
    echo "in $SECONDS s:"
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
