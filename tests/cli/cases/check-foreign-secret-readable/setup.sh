chmod 644 run/token
