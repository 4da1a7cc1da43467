#!/bin/bash
# Asks every endpoint of a running node what its own OpenAPI document says it may be asked, and what it says it may not: no fault of the
# server's, no answer, status or type of content that the document does not have, nothing malformed that is accepted.
#
#   fuzz/api.sh [examples of an operation, 40] [seed, 1]
#
# It needs python3 and the network, to install schemathesis into a temporary folder; BIN names the program, if it is not the debug build.
# The node is one of its own, on loopback, with a temporary journal. The report stays in REPORT, if that names a folder.
set -euo pipefail
cd "$(dirname "$0")/.."
examples="${1:-40}"
seed="${2:-1}"
program="${BIN:-target/debug/seawall}"
work="$(mktemp -d)"
node=""
finish() {
    [ -z "$node" ] || { kill "$node" 2>/dev/null && wait "$node"; } || true
    rm -rf "$work"
}
trap finish EXIT

[ -x "$program" ] || { echo "fuzz/api.sh: $program: not there; hint: cargo build -p seawall" >&2; exit 2; }
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'schemathesis==4.*'

"$program" node --dev --traders 20 --speed 20 --data "$work/data" --listen 127.0.0.1:0 >"$work/node.log" 2>&1 &
node=$!
address=""
for _ in $(seq 100); do
    address="$(sed -n 's|^seawall node: \(http://[0-9.:]*\)/.*|\1|p' "$work/node.log")"
    [ -n "$address" ] && curl -sf "$address/v1/pools/0/accounts/20" >/dev/null && break
    kill -0 "$node" 2>/dev/null || { cat "$work/node.log" >&2; exit 1; }
    sleep 0.2
done
[ -n "$address" ] || { echo "fuzz/api.sh: the node did not start" >&2; exit 1; }

# schemathesis 4.32 turns `prefixItems` into something that it then refuses itself; for it, an entry of such a row is any of them.
curl -sf "$address/openapi.json" | python3 -c '
import json, sys
def loosen(part):
    if isinstance(part, dict):
        row = part.pop("prefixItems", None)
        if row is not None:
            part.update(items={"anyOf": row}, minItems=len(row), maxItems=len(row))
    for below in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        loosen(below)
    return part
json.dump(loosen(json.load(sys.stdin)), sys.stdout)' >"$work/openapi.json"

# Two checks are left out: a reading that worked once need not work again while the node runs, and what is signed, or a decimal in whole
# lots, is more than a schema can ask for, so that a body of the right shape may still be refused.
ask() {
    (cd "$work" && "$work/venv/bin/schemathesis" run openapi.json --url "$address" --phases examples,coverage,fuzzing --checks all \
        --max-examples "$examples" --seed "$seed" --continue-on-failure ${REPORT:+--report junit --report-dir "$REPORT"} "$@") || failed=1
}
ask --include-method GET --exclude-checks ensure_resource_availability
ask --include-method POST --exclude-checks ensure_resource_availability,positive_data_acceptance
kill -0 "$node" || { echo "fuzz/api.sh: the node ended" >&2; cat "$work/node.log" >&2; exit 1; }
curl -sf "$address/ready" >/dev/null || { echo "fuzz/api.sh: the node is not ready any more" >&2; exit 1; }
exit "${failed:-0}"
