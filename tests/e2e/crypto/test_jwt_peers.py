#!/usr/bin/env python3
"""What jeton signs with fresh keys of every kind and form, verified by PyJWT."""

import os
import subprocess
import tempfile
import unittest

ORACLE = os.path.join(os.environ["JETON_BUILD"], "tests", "jwt-oracle")
PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jwt_peer.py")
DEBIAN_PYTHON = "/usr/bin/python3"  # another one on PATH has no PyJWT
EACH = 40  # tokens of a key: ES256 and PS256 have random parts, some of which begin with a zero byte

KEYS = {
    "rsa": (("RS256", "PS256"), "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    "ec": (("ES256",), "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
    "ed25519": (("EdDSA",), "openssl genpkey -algorithm ED25519"),
}


class Peers(unittest.TestCase):
    def run_on(self, command, lines):
        run = subprocess.run(command, input="".join(f"{line}\n" for line in lines), capture_output=True, text=True,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.splitlines()

    def test_signatures(self):
        with tempfile.TemporaryDirectory() as folder:
            asked, public = [], []
            for name, (algorithms, command) in KEYS.items():
                path = os.path.join(folder, name)
                subprocess.run([*command.split(), "-out", path], check=True, capture_output=True)
                if name != "ed25519":  # has no other form
                    subprocess.run(["openssl", "pkey", "-in", path, "-traditional", "-out", f"{path}.old"], check=True)
                subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", f"{path}.pub"], check=True)
                for algorithm in algorithms:
                    for form in filter(os.path.exists, (path, f"{path}.old")):
                        asked += [f"{form}|{algorithm}"] * EACH
                        public += [f"{path}.pub|{algorithm}"] * EACH
            tokens = self.run_on([ORACLE], asked)
            self.assertEqual(len(tokens), len(asked))
            verified = self.run_on([DEBIAN_PYTHON, PEER], [f"{key}|{token}" for key, token in zip(public, tokens)])
            self.assertEqual(verified, [line.rsplit("|", 1)[1] for line in asked])
            # The peer is no yes-man.
            head, claims, signature = tokens[0].split(".")
            other = tokens[1].split(".")[2] if tokens[1] != tokens[0] else signature[:-8] + "AAAAAAAA"
            self.assertEqual(self.run_on([DEBIAN_PYTHON, PEER], [f"{public[0]}|{head}.{claims}.{other}"]),
                             ["InvalidSignatureError"])


if __name__ == "__main__":
    unittest.main()
