"""Every name that `./dev soak` lists is a test of this build."""

import json
import os
import subprocess

with open(os.path.join(os.environ["JETON_SOURCE"], "tests/soak.txt"), encoding="utf-8") as file:
    names = {line.split()[0] for line in file}
done = subprocess.run(["ctest", "--test-dir", os.environ["JETON_BUILD"], "--show-only=json-v1"], check=True,
                      stdout=subprocess.PIPE, text=True)
missing = names - {test["name"] for test in json.loads(done.stdout)["tests"]}
assert names and not missing, f"tests/soak.txt names what is no test: {sorted(missing)}"
