# CPythons newer than the machine's, from Debian's unstable, in a chroot in the temporary folder.
#
# What is mounted there is mounted in a mount namespace of its own, and so is gone when the command has ended: whatever
# removes the temporary folder can never come upon the machine's own /dev or /proc.

sid="$work/sid"
isolated=(unshare --mount --pid --fork --kill-child)
# in_sid FOLDER COMMAND...; the shell waits for the command, which else would be the init of its process ids.
in_sid=("${isolated[@]}" bash -c '
    mount -t proc proc "$0/proc" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts" &&
        mount -t tmpfs tmpfs "$0/dev/shm" && chroot "$0" env --chdir "$@" || exit' "$sid")

make_sid() { # make the chroot, with every CPython of a minor version that is newer than the machine's newest
    local minor newest_minor packages=()
    local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends)
    debian debootstrap
    "${isolated[@]}" true || lacks "needs the right to make namespaces"
    "${isolated[@]}" debootstrap --variant=minbase sid "$sid" "$(mirror)" || lacks "debootstrap could not make it: $(tail -n 1 "$log")"
    newest_minor=$("$newest" -c 'import sys; print(sys.version_info[1])')
    for minor in $(chroot "$sid" apt-cache pkgnames python3. | sed -nE 's/^python3\.([0-9]+)$/\1/p' | sort -n); do
        [ "$minor" -le "$newest_minor" ] || packages+=("python3.$minor")
    done
    [ "${#packages[@]}" -gt 0 ] || lacks "Debian sid has no CPython newer than 3.$newest_minor"
    "${in_sid[@]}" / "${install[@]}" "${packages[@]}" || lacks "apt-get could not install ${packages[*]} there"
    for minor in "${packages[@]}"; do chroot "$sid" "$minor" -c 'import platform; print(platform.python_version())'; done |
        paste -sd' '
}

mirror() { # print the address of the Debian archive that this machine uses
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1
}

sid_pythons() { # print the CPythons that were installed there, the oldest first
    find "$sid/usr/bin" -name 'python3.*' -printf '%f\n' 2>/dev/null | grep -E '^python3\.[0-9]+$' | sort -V
}

sid_suite() { # sid_suite PYTHON [OPTION...]: the README's test command in a clean clone there
    local folder
    folder=$(clone) && mv "$folder" "$sid/" && tests "${in_sid[@]}" "/${folder##*/}" "$@" -m unittest -v
}
