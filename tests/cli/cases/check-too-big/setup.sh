{ echo 'version: 1'; head -c 4194305 /dev/zero | tr '\0' '#'; } >jeton.yaml
