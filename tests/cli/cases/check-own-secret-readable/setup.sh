chmod 644 secrets/token
