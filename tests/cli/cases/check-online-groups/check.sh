# Beside the sandbox's own connector: a good one and two wrong ones, each looked up once.
cat "$JETON_CONFIG" > jeton.yaml
"$JETON" -c jeton.yaml check --online > out
status=$?
sed -e 's/127\.0\.0\.1:[0-9]*/HOST/; s/until .*/until …/' out
rm conf.d/wrong.yaml
"$JETON" -c jeton.yaml check --online > out && grep -c found out
exit $status
