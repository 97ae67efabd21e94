#!/bin/sh
# What a pipeline does: checkpoints a container, waits, restores it in place, waits, and reads what the history says.
# Takes FREEZEFRAME_URL, FREEZEFRAME_TOKEN (see, checkpoint, restore, read_audit) and the container's id.
set -eu
api=$FREEZEFRAME_URL/api/v1
container=$1
job=${CI_JOB:-by-hand-$$}

call() { # METHOD PATH [CURL ARGUMENT…]
  method=$1 path=$2
  shift 2
  curl --silent --show-error --fail-with-body --request "$method" \
    --header "Authorization: Bearer $FREEZEFRAME_TOKEN" "$@" "$api$path"
}
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

ended() { # OPERATION: waits for its end, and fails unless it succeeded
  while :; do
    operation=$(call GET "/operations/$1/wait?timeout=30")
    finished=$(printf '%s' "$operation" | field finished)
    [ "$finished" = False ] || break
  done
  printf '%s' "$operation" | field summary
  [ "$(printf '%s' "$operation" | field state)" = succeeded ]
}

operation=$(call POST "/containers/$container/checkpoint" --header "Idempotency-Key: $job-checkpoint" \
  --json '{"tags": ["pipeline"]}' | field id)
ended "$operation"
operation=$(call POST "/containers/$container/restore" --header "Idempotency-Key: $job-restore" --json '{}' | field id)
ended "$operation"
call GET "/audit/events?container=$container&result=done" |
  python3 -c 'import json, sys
for event in json.load(sys.stdin)["items"]: print(event["actor_name"], event["authenticated"], event["action"], sep=", ")'
