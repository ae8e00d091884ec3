#!/bin/sh
# A replayer in POSIX sh and jq: appends a line to a file for every event. At least once: whoever kills it between the
# line and the answer finds the line twice.
#
#     replayers:
#       - name: journal
#         replayer: exec
#         command: [sh, replayer.sh, journal.txt]
#         window: 1
#
# docs/replayers.md describes the protocol.
set -eu
journal=${1:-journal.txt}
command -v jq >/dev/null || { echo 'jq is missing' >&2; exit 1; }

printf '%s\n' '{"type":"hello","protocol":1,"name":"journal","version":"1"}'

# The loop ends with standard input, which is the sign to stop. The text within an event cannot end a line: it is JSON.
while IFS= read -r message; do
    case $message in
        '{"type":"event",'*) ;;
        *) continue ;;
    esac
    # One line for the journal, which has no tabs or breaks of an event's own: @tsv escapes them.
    if line=$(printf '%s\n' "$message" | jq -r '[.seq, .id, .action, .subject, (.data.title? // "")] | @tsv'); then
        seq=${line%%"	"*}
        printf '%s\n' "$line" >>"$journal"
        printf '{"type":"ok","seq":%s}\n' "$seq"
    else
        # jq itself said why, on standard error: it stands in the node's log.
        seq=${message#'{"type":"event","seq":'}
        printf '{"type":"fail","seq":%s,"code":"invalid","reason":"jq cannot read it"}\n' "${seq%%,*}"
    fi
done
