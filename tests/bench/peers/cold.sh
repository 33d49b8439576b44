#!/usr/bin/env bash
# cold.sh URL REFRESH_TOKEN: exchange, list of groups, a message to the first, with curl and jq.
set -euo pipefail
reply=$(curl -sf -H "applicationId: $ID" -H "applicationSecret: $SECRET" -H "refreshToken: $2" "$1/v1/accessToken")
token=$(jq -r .accessToken <<<"$reply")
endpoint=$(jq -r .endpointUrl <<<"$reply")
group=$(curl -sf -H "accessToken: $token" "${endpoint}v1/groups" | jq -r '.groups[0].groupId')
jq -n --arg text Hello '{message: $text}' |
    curl -sf -H "accessToken: $token" -H "Content-Type: application/json" -d @- \
        "${endpoint}v1/groups/$group/messages" >/dev/null
