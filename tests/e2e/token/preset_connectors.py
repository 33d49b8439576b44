"""What a person says beside a preset to have a connector: for all presets, made up."""

import os
import shutil

import support

KEYS = os.path.join(support.SOURCE, "tests", "unit", "crypto", "keys")
VARS = {"host": "id.example.org", "stage": "account-d", "installation": "1234567", "realm": "staff",
        "tenant": "contoso.onmicrosoft.com", "server": "default", "domain": "acme", "region": "eu"}


def refreshes(preset):
    return preset["connector"].get("grant", "refresh_token") == "refresh_token"


def copy(file, folder, name):
    path = os.path.join(folder, name)
    shutil.copy(os.path.join(KEYS, file), path)
    os.chmod(path, 0o600)
    return {"file": path}


def connector(preset, folder):
    """Its own part, with a copy of a key in the folder where it signs, and what the preset needs."""
    keys, name = preset["connector"], preset["name"]
    own = {"preset": name, "client_id": "the-client"}
    if preset["vars"]:
        own["vars"] = {variable: VARS[variable] for variable in preset["vars"]}
    if keys.get("grant") in ("jwt_bearer", "app_jwt") or keys["client_auth"] == "private_key_jwt":
        own["key"] = copy("service_account.json" if "google" in name else "rsa.pem", folder, name + ".key")
    elif keys["client_auth"] != "none":
        own["client_secret"] = "the-secret-of-" + name
    if refreshes(preset):
        own["refresh_token"] = name + "-refresh-0"
    for need in preset.get("needs", ()):
        key, _, inner = need.partition(".")
        if inner:
            own.setdefault(key, {})[inner] = "the-" + inner
        elif key == "certificate":
            own[key] = copy("rsa_certificate.pem", folder, name + ".crt")
        else:
            own.setdefault(key, f"the-{key}-of-{name}")
    return own
