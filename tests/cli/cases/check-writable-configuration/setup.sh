chmod 620 jeton.yaml
