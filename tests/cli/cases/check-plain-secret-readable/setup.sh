chmod 644 jeton.yaml
