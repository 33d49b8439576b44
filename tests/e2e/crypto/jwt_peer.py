"""Verifies tokens with PyJWT (Debian's python3-jwt), for test_jwt_peers.py.

Run with Debian's own /usr/bin/python3, whose package it is. A line of standard input is PUBLIC KEY FILE|ALGORITHM|TOKEN;
a line of output is the token's claim `iss`, or what is wrong with it.
"""

import sys

import jwt

for line in sys.stdin:
    path, algorithm, token = line.rstrip("\n").split("|")
    with open(path, encoding="ascii") as file:
        try:
            print(jwt.decode(token, file.read(), algorithms=[algorithm])["iss"])
        except jwt.PyJWTError as error:
            print(type(error).__name__)
