cat >refused.sh <<'SCRIPT'
sed 's/refresh_token: .*/refresh_token: no-such-token/' "$JETON_CONFIG" >mine.yaml
"$JETON" --config mine.yaml check --online >found
status=$?
sed -E 's/127\.0\.0\.1:[0-9]+/127.0.0.1:PORT/' found
exit $status
SCRIPT
