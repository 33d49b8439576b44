"""What a person says beside a preset to have a connector: for all presets, made up."""

import os
import shutil

import support

KEYS = os.path.join(support.SOURCE, "tests", "unit", "crypto", "keys")
VARS = {"host": "id.example.org", "stage": "account-d", "installation": "1234567", "realm": "staff",
        "tenant": "contoso.onmicrosoft.com", "server": "default", "domain": "acme", "region": "eu"}


def refreshes(preset):
    return preset["connector"].get("grant", "refresh_token") == "refresh_token"


def connector(preset, folder):
    """Its own part, with a copy of a key in the folder where it signs."""
    keys, name = preset["connector"], preset["name"]
    own = {"preset": name, "client_id": "the-client"}
    if preset["vars"]:
        own["vars"] = {variable: VARS[variable] for variable in preset["vars"]}
    if keys.get("grant") in ("jwt_bearer", "app_jwt") or keys["client_auth"] == "private_key_jwt":
        path = os.path.join(folder, name + ".key")
        shutil.copy(os.path.join(KEYS, "service_account.json" if "google" in name else "rsa.pem"), path)
        os.chmod(path, 0o600)
        own["key"] = {"file": path}
    elif keys["client_auth"] != "none":
        own["client_secret"] = "the-secret-of-" + name
    if refreshes(preset):
        own["refresh_token"] = name + "-refresh-0"
    return own
