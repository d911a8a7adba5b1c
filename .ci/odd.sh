# The suite on an odd machine, in namespaces of its own, so that nothing of it can be seen from outside.
#
# Between them the two kinds of machine, run by the oldest and the newest CPython, are all that a careless neighbour, a
# locked-down container, a cron line or a daemon makes of a machine. On both: proxies, and variables for every platform
# that the library knows; no network but loopback; a checkout that is read-only, as root cannot get round it; no
# /dev/shm; 64 descriptors; spaces in the names of folders; ignored signals. The rest is in `of_root` and `of_user`.
# What cannot be had, as in a container that may not make namespaces, is named as skipped, and the rest still runs.

odd_suite() { # odd_suite root|user PYTHON [OPTION...]: the README's test command there
    local kind=$1 folder variables namespaces=()
    folder=$(mktemp -d "$work/odd one's-XXXXXX") && mapfile -t variables < <(of_both && "of_$kind") || return
    git clone -q . "$folder/${checkouts[$kind]}" && mkdir "$folder/${temporary[$kind]}" || return
    mapfile -t namespaces < <(may_make --mount --net || may_make --user --map-root-user --mount --net)
    cd "$folder/${checkouts[$kind]}" &&
        tests "${variables[@]}" TMPDIR="$folder/${temporary[$kind]}" "${namespaces[@]}" bash -c '. .ci/odd.sh && run_oddly "$@"' \
            bash "${#namespaces[@]}" "$kind" "${@:2}" -m unittest -v
}

declare -A checkouts=([root]="check out" [user]="auschecken für später")
declare -A temporary=([root]="for a while" [user]="vorläufig für später")

of_both() { # print the variables of both kinds, one a line
    local name
    for name in {HTTP,HTTPS,FTP,ALL}_PROXY; do
        printf '%s=http://user:password@127.0.0.1:9\n' "$name" "${name,,}"
    done
    for name in NO_PROXY INNGEST_{EVENT_KEY,SIGNING_KEY,DEV,ENV,BASE_URL,EVENT_API_BASE_URL,API_BASE_URL} \
        {RAILWAY,RENDER}_GIT_BRANCH VERCEL_GIT_COMMIT_REF {RAILWAY,RENDER,VERCEL}_ENV BRANCH CI; do
        printf '%s=a b:c\n' "$name" "${name,,}"
    done
}

of_root() { # text is ASCII, output goes out at once and in colour, the terminal is narrow, there is no HOME
    printf '%s\n' LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
        FORCE_COLOR=1 PYTHON_COLORS=1 TERM=xterm-256color COLUMNS=20 TZ=XXX-14:37:11
}

of_user() { # no asserts and docstrings, no trust store, no IPv6; folders that are not there, a wide terminal, a debugged asyncio
    printf '%s\n' PYTHONOPTIMIZE=2 PYTHONHASHSEED=0 PYTHONWARNINGS=error PYTHONASYNCIODEBUG=1 PYTHONPATH=/nonexistent \
        SSL_CERT_FILE=/nonexistent SSL_CERT_DIR=/nonexistent SSLKEYLOGFILE=/nonexistent/keys HOME=/nonexistent \
        NO_COLOR=1 TERM=dumb COLUMNS=300
}

may_make() { # may_make OPTION...: whether unshare may do this; print the command, one word a line
    unshare "$@" true 2>/dev/null && printf '%s\n' unshare "$@"
}

run_oddly() { # run_oddly HAS_NAMESPACES root|user PYTHON...: run a command, from within the namespaces if there are any
    local as=() has_namespaces=$1 kind=$2
    shift 2
    if [ "$has_namespaces" -gt 0 ]; then
        have "no network but loopback" only_loopback "$1"
        [ "$kind" = root ] || have "no IPv6" no_ipv6
        have "a read-only checkout" read_only
        have "no /dev/shm" no_shared_memory
    else
        echo "skipped no network but loopback, no IPv6, a read-only checkout, no /dev/shm: needs the right to make namespaces"
    fi
    case $kind in
    root)
        [ "$(id -u)" -eq 0 ] || echo "skipped being root: needs the right to make namespaces"
        have "one core" taskset --pid --cpu-list 0 $$
        umask 077
        ;;
    user)
        mapfile -t as < <([ "$(id -u)" -ne 0 ] || may_make --user --map-user=1000 --map-group=1000)
        [ "$(id -u)" -ne 0 ] || [ "${#as[@]}" -gt 0 ] || echo "skipped not being root: needs the right to make namespaces"
        chmod 711 .. # folders above that cannot be listed
        ulimit -s 2048 # with 1 MB the json of CPython 3.12 and 3.13 crashes where it should refuse to go deeper
        exec 0<&-
        ;;
    esac
    ulimit -n 64
    trap '' HUP INT
    exec "${as[@]}" "$@"
}

have() { # have CONDITION COMMAND...: bring it about, or name it as skipped
    "${@:2}" >/dev/null || echo "skipped $1: this machine does not allow it"
}

only_loopback() { # only_loopback PYTHON: there is nothing else in this namespace, and it is down
    "$1" -c 'import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket() as sock:
    fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))'
}

no_ipv6() { # in this namespace, whose loopback has none then
    echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
}

read_only() {
    mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" && ! touch probe 2>/dev/null
}

no_shared_memory() { # in place of /dev comes one that has the usual devices only
    local dev device
    dev=$(mktemp -d "$TMPDIR/dev-XXXXXX") && mount -t tmpfs tmpfs "$dev" || return
    for device in null zero full random urandom tty; do
        touch "$dev/$device" && mount --bind "/dev/$device" "$dev/$device" || return
    done
    mkdir "$dev/pts" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$dev/pts" && ln -s pts/ptmx "$dev/ptmx" &&
        ln -s /proc/self/fd "$dev/fd" && ln -s fd/0 "$dev/stdin" && ln -s fd/1 "$dev/stdout" && ln -s fd/2 "$dev/stderr" &&
        mount --move "$dev" /dev && [ ! -e /dev/shm ]
}
