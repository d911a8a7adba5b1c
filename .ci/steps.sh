# Steps: each is a command that runs in a subshell, with a log of its own, and comes to one line.

passed=0
failed=0
results=()

step() { # step NAME COMMAND...: run a command; its last line is its result, and what was skipped is shown, and tables
    local name=$1 log="$work/log" started=$SECONDS status result
    [[ $name = *"$only"* ]] || return 0
    shift
    ("$@") >"$log" 2>&1 </dev/null
    status=$?
    result=$(tail -n 1 "$log")
    case $status in
    0)
        passed=$((passed + 1))
        report "ok      $name: $result ($((SECONDS - started)) s)"
        grep -E '^(skipped |\| )' "$log" | sed 's/^/        /'
        ;;
    "$missing")
        report "SKIPPED $name: $result"
        ;;
    *)
        failed=$((failed + 1))
        report "FAILED  $name: exit code $status ($((SECONDS - started)) s)"
        grep -v ' \.\.\. ok$' "$log" | sed 's/^/    /'
        ;;
    esac
}

missing=77 # the exit code of a step that something is missing for, as Automake has it

lacks() { # lacks REASON: end a step that cannot be run on this machine
    echo "$1"
    exit "$missing"
}

report() {
    results+=("$1")
    echo "$1"
}

summary() { # all results again, and how many there were of each kind; fails if a step failed
    echo
    printf '%s\n' "${results[@]}"
    echo
    echo "$passed passed, $failed failed, in $SECONDS s"
    [ "$failed" -eq 0 ]
}
