"""What token services answer, by the preset's name: a good reply, one to a dead grant, one to too many requests.

@access and @refresh stand for tokens, @iso, @epoch and @ms for an hour from now. A good reply without @refresh leaves
the refresh token as it is. `life` is what the reply says, in seconds (None: nothing, 0: what the preset says);
`dead` ends as `ends`. A token request with a parameter of `refuses` is refused. What is in `unsure` was not read at the
service, and stands under `unsure` in the preset.
"""

PERSON, REFUSED = "needs_person", "refused"
GRANT = (400, {"error": "invalid_grant"})


def good(life=3600, rotates=True, **more):
    reply = {"access_token": "@access", "token_type": "Bearer", "expires_in": life, **more}
    if rotates:
        reply["refresh_token"] = "@refresh"
    return {name: value for name, value in reply.items() if value is not None}


def grant(text, status=400):
    return status, {"error": "invalid_grant", "error_description": text}


def service(reply, dead=GRANT, ends=PERSON, throttled=(429, {"error": "too_many_requests"}), life=3600, unsure=(), refuses=(),
            **more):
    return {"good": reply, "dead": dead, "ends": ends, "throttled": throttled, "life": life, "unsure": unsure,
            "refuses": refuses, **more}


def signed(reply, dead=GRANT, **more):
    """Of a grant that has no refresh token: a refusal is tried again after a while."""
    return service(reply, dead, REFUSED, **more)


ENTRA = {"error_codes": [700082], "timestamp": "2026-11-27 08:00:00Z", "trace_id": "t", "correlation_id": "c",
         "error_uri": "https://login.microsoftonline.com/error?code=700082"}
ONE_TOKEN = good(rotates=False)

REPLIES = {
    "atlassian": service(good(scope="offline_access read:jira-work"),
                         (403, {"error": "unauthorized_client", "error_description": "refresh_token is invalid"})),
    "auth0": service(good(86400, id_token="header.payload.signature"), grant("Unknown or invalid refresh token.", 403),
                     life=86400),
    "box": service(good(3899, restricted_to=[]), grant("Refresh token has expired"), life=3899),
    "box-ccg": signed(good(3899, rotates=False, restricted_to=[]), grant("Grant credentials are invalid"), life=3899),
    "box-jwt": signed(good(3899, rotates=False, restricted_to=[]),
                      grant("Please check the 'exp' claim. The 'exp' claim must be within 60 seconds"), life=3899),
    "discord": service(good(604800, scope="identify guilds"), life=604800),
    "docusign-jwt": signed(good(rotates=False, scope="signature impersonation"), (400, {"error": "consent_required"})),
    "dropbox": service(good(14400, rotates=False, account_id="dbid:x", uid="1"), grant("refresh token is invalid or revoked"),
                       life=14400),
    "github-app": signed({"token": "@access", "expires_at": "@iso", "permissions": {"contents": "read"},
                          "repository_selection": "all"},
                         (401, {"message": "A JSON web token could not be decoded", "status": "401"})),
    "github-user": service(good(28800, scope="", refresh_token_expires_in=15897600),
                           (200, {"error": "bad_refresh_token", "error_description": "The refresh token passed is incorrect "
                                  "or expired.", "error_uri": "https://docs.github.com"}), life=28800, refresh=15897600),
    "gitlab": service(good(7200, created_at="@epoch"), grant("The provided authorization grant is invalid, expired, revoked"),
                      life=7200),
    "google": service(good(3599, rotates=False, id_token="header.payload.signature", scope="https://mail.google.com/"),
                      grant("Token has been expired or revoked."), life=3599),
    "google-service-account": signed(good(3599, rotates=False), grant("Invalid JWT Signature."), life=3599),
    "hubspot": service(good(1800, hub_id=1, user_id=2),
                       (400, {"error": "invalid_grant", "error_description": "refresh token is invalid, expired or revoked",
                              "status": "BAD_REFRESH_TOKEN", "message": "refresh token is invalid, expired or revoked"}),
                       life=1800),
    "keycloak": service(good(300, refresh_expires_in=1800, scope="openid"), grant("Token is not active"), life=300,
                        unsure=("dead",)),
    "microsoft": service(good(3599, ext_expires_in=3599, scope="User.Read"),
                         (400, {"error": "invalid_grant", "error_description": "AADSTS700082: The refresh token has expired "
                                "due to inactivity.", **ENTRA}), life=3599),
    "microsoft-daemon": signed(good(3599, rotates=False, ext_expires_in=3599),
                               (401, {"error": "invalid_client", "error_description": "AADSTS7000222: The provided client "
                                      "secret keys for app are expired.", **ENTRA}), life=3599),
    "microsoft-certificate": signed(good(3599, rotates=False, ext_expires_in=3599),
                                    (401, {"error": "invalid_client", "error_description": "AADSTS700027: The certificate "
                                           "with identifier used to sign the client assertion is not registered.", **ENTRA}),
                                    life=3599),
    "okta": service(good(scope="offline_access"), grant("The refresh token is invalid or expired.")),
    "quickbooks": service(good(x_refresh_token_expires_in=8726400), refresh=8726400),
    "reddit": service(good(86400, rotates=False, scope="read"), (400, {"message": "Bad Request", "error": 400}), REFUSED,
                      life=86400, unsure=("dead",)),
    "salesforce": service(good(None, rotates=False, instance_url="https://acme.my.salesforce.com", issued_at="@ms",
                               id="https://login.salesforce.com/id/00D/005", signature="c2lnbmF0dXJl"),
                          grant("expired access/refresh token"), life=0, endpoint="https://acme.my.salesforce.com",
                          refuses=("scope",)),
    "salesforce-jwt": signed(good(None, rotates=False, instance_url="https://acme.my.salesforce.com",
                                  id="https://login.salesforce.com/id/00D/005"),
                             grant("user hasn't approved this consumer"), life=0,
                             endpoint="https://acme.my.salesforce.com", unsure=("dead",)),
    "slack": service(good(43200, ok=True, team={"id": "T1"}, bot_user_id="U1", scope="chat:write,channels:read"),
                     (200, {"ok": False, "error": "invalid_refresh_token"}), life=43200,
                     throttled=(429, {"ok": False, "error": "ratelimited"})),
    "slack-user": service({**good(43200), "ok": True, "token_type": "user", "team": {"id": "T1"}},
                          (200, {"ok": False, "error": "invalid_refresh_token"}), life=43200,
                          throttled=(429, {"ok": False, "error": "ratelimited"})),
    "spotify": service(good(rotates=False, scope="user-read-private"), grant("Refresh token revoked")),
    "strava": service(good(21600, expires_at="@epoch"),
                      (400, {"message": "Bad Request", "errors": [{"resource": "RefreshToken", "field": "refresh_token",
                                                                   "code": "invalid"}]}), life=21600),
    "twitch": service(good(14124, scope=["channel:moderate", "chat:edit"]),
                      (400, {"error": "Bad Request", "status": 400, "message": "Invalid refresh token"}), life=14124),
    "webex": service(good(1209599, rotates=True, refresh_token_expires_in=7776000),
                     (400, {"message": "Invalid refresh token", "errors": [{"description": "x"}], "trackingId": "ROUTER_1"}),
                     REFUSED, life=1209599, refresh=7776000, unsure=("dead",)),
    "xero": service(good(1800, id_token="header.payload.signature", scope="offline_access"), life=1800),
    "zoho": service(good(rotates=False, api_domain="https://www.zohoapis.eu"), (200, {"error": "invalid_code"}),
                    throttled=(400, {"error": "Access Denied", "status": "failure", "error_description":
                                     "You have made too many requests continuously. Please try again after some time."}),
                    endpoint="https://www.zohoapis.eu", unsure=("dead", "throttled")),
    "zoom": signed(good(rotates=False, scope="user:read", api_url="https://api.zoom.us"),
                   (400, {"reason": "unsupported grant type", "error": "unsupported_grant_type"}), unsure=("dead",)),
    "zoom-user": service(good(scope="user:read"), (400, {"reason": "Invalid Token!", "error": "invalid_grant"})),
}

# What a preset's `unsure` says for it.
WORDS = {
    "dead": "The reply to a dead grant is as remembered",
    "throttled": "The reply to too many requests is as remembered",
}
