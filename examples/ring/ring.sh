#!/usr/bin/env bash
# Three nodes on this machine, each with its own database: they converge, diverge, and are resolved.
#   examples/ring/ring.sh PATH-TO-FEDERATION [DIRECTORY]
set -euo pipefail

federation=$(realpath "$1")
ring=${2:-.ring}
root=$(cd "$(dirname "$0")/../.." && pwd)
nodes=(alpha beta gamma)
declare -A port=([alpha]=4101 [beta]=4102 [gamma]=4103)

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
on() { local node=$1; shift; "$federation" "$@" --config "$ring/$node/federation.yaml"; }

# Waits until it says that it runs: the control socket is there before a port that is taken is noticed.
start() {
    local earlier
    earlier=$(grep -c ' info running ' "$ring/$1/log" 2>/dev/null || true)
    "$federation" run --config "$ring/$1/federation.yaml" 2>>"$ring/$1/log" &
    pids[$1]=$!
    for _ in $(seq 100); do
        [ "$(grep -c ' info running ' "$ring/$1/log" || true)" -gt "${earlier:-0}" ] && return
        kill -0 "${pids[$1]}" 2>/dev/null || { cat "$ring/$1/log" >&2; exit 1; }
        sleep 0.1
    done
}

stop() { kill -TERM "${pids[$1]}" 2>/dev/null && wait "${pids[$1]}" || true; }

agree() {
    for node in "${nodes[@]}"; do on "$node" records --json >"$ring/$node/records.json"; done
    cmp -s "$ring/alpha/records.json" "$ring/beta/records.json" && cmp -s "$ring/alpha/records.json" "$ring/gamma/records.json"
}

counts() {
    for node in "${nodes[@]}"; do printf '  %-6s %s\n' "$node" "$(on "$node" status --brief || true)"; done
}

until_agreed() {
    for _ in $(seq 120); do
        counts
        if agree; then echo "  all three agree"; return; fi
        sleep 0.5
        echo
    done
    echo "the nodes did not agree within a minute; see $ring/*/log" >&2
    exit 1
}

declare -A pids
trap 'for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done; wait' EXIT

rm -rf "$ring"
mkdir -p "$ring"
say "Three nodes, each with its own database"
for node in "${nodes[@]}"; do
    on_init=("$ring/$node" --name "$node" --listen "127.0.0.1:${port[$node]}" --interval 1s)
    "$federation" init "${on_init[@]}"
done
for node in "${nodes[@]}"; do
    for peer in "${nodes[@]}"; do
        [ "$node" = "$peer" ] || on "$node" add-peer "$peer" "http://127.0.0.1:${port[$peer]}"
    done
done
for node in "${nodes[@]}"; do start "$node"; done

say "Each gets notes of its own: the documents of this project"
files=()
while IFS= read -r file; do files+=("$file"); done < <(find "$root" -maxdepth 3 -name '*.md' -not -path '*/.*' | sort)
for index in "${!files[@]}"; do
    on "${nodes[$((index % 3))]}" put "${files[$index]}" >/dev/null
done
echo "  ${#files[@]} notes put on three nodes"
until_agreed

say "Beta is stopped; the same note is edited on alpha and on beta meanwhile"
note=$(printf '# Meeting\n\nTuesday, ten.\n' | on alpha put -)
until_agreed
stop beta
printf '# Meeting\n\nTuesday, eleven.\n' | on alpha put - --id "$note" >/dev/null
printf '# Meeting\n\nWednesday, ten.\n' | on beta put - --id "$note" >/dev/null
start beta
for _ in $(seq 60); do
    diverged=0
    for node in "${nodes[@]}"; do [ -n "$(on "$node" divergences)" ] && diverged=$((diverged + 1)); done
    [ "$diverged" -eq 3 ] && break
    sleep 0.5
done
for node in "${nodes[@]}"; do
    echo "  on $node:"
    on "$node" divergences | sed 's/^/    /'
done
agree && echo "  the divergence is the same on all three"

say "Resolved on gamma, once, for everybody"
printf '# Meeting\n\nWednesday, eleven.\n' | on gamma resolve "$note" --custom - 
until_agreed
on alpha show "$note"

say "Status of alpha"
on alpha status

say "Go on yourself (the nodes run until you press Ctrl-C)"
cat <<END
  $federation status --config $ring/alpha/federation.yaml
  $federation records --config $ring/beta/federation.yaml
  echo '# Hello' | $federation put - --config $ring/gamma/federation.yaml
  $federation events --config $ring/alpha/federation.yaml --limit 5
END
[ "${RING_ONCE:-}" = 1 ] || wait
