#!/usr/bin/env bash
# me.sh URL REFRESH_TOKEN: exchange, then one call, with curl and jq.
set -euo pipefail
reply=$(curl -sf -H "applicationId: $ID" -H "applicationSecret: $SECRET" -H "refreshToken: $2" "$1/v1/accessToken")
curl -sf -H "accessToken: $(jq -r .accessToken <<<"$reply")" "$(jq -r .endpointUrl <<<"$reply")v1/users/me" >/dev/null
