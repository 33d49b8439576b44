---@meta jeton.token

--- Access tokens of connectors: cached, kept fresh, exchanged once for all processes and tasks.
local token = {}

---@class jeton.Token
---@field access_token string
---@field endpoint_url? string base of further calls, without a trailing slash, if the service named one;
--- `http.request{connector=}` also knows a configured `endpoint`
---@field expires_at? integer epoch seconds, by the local clock; nil if the service does not say
---@field refresh_expires_at? integer epoch seconds: when the refresh token dies, if known
---@field token_type? string as the service says
---@field scopes string[] empty if the service does not say
---@field source "cache"|"exchange"
---@field refresh_token? string only from `exchange`, if a new one came

---@class jeton.token.Credentials
---@field provider? "kaizala" the default
---@field token_service string https://…, or http:// to loopback
---@field application_id string
---@field application_secret string
---@field refresh_token string
---@field allow_hosts? string[] host patterns; default the host of token_service only
---@field ca_file? string path of the certificates to trust; default the system's
---@field timeout? number seconds; default 60

--- A text, or where it is: as SECRETS of jeton.yaml(5) says.
---@alias jeton.token.Secret string|{env: string}|{file: string}|{command: string[]}|{credential: string}

--- The keys of an OAuth 2.0 connector, which jeton.yaml(5) describes; here every secret may be a text.
---@class jeton.token.OAuth2
---@field provider? "oauth2" required without a preset
---@field preset? string a service by its name (`jeton presets`)
---@field vars? table<string, string> the preset's variables
---@field issuer? string in place of token_url, for a service that describes itself
---@field token_url? string
---@field refresh_url? string where refresh tokens are exchanged, if not at token_url
---@field authorize_url? string not used here, as those that follow: for `jeton login`
---@field device_url? string
---@field revoke_url? string
---@field redirect_uri? string
---@field pkce? boolean
---@field authorize_params? table<string, string>
---@field token_hosts? string[] patterns; default: the hosts of the URLs above
---@field grant? string `refresh_token` (default), `client_credentials`, `jwt_bearer`, `token_exchange`,
--- `app_jwt`, or what is sent as grant_type
---@field client_id? jeton.token.Secret
---@field client_secret? jeton.token.Secret
---@field client_auth? "basic"|"basic_raw"|"post"|"none"|"private_key_jwt"|"tls" default basic
---@field key? jeton.token.Secret PEM, or a Google service account's JSON
---@field key_id? string
---@field algorithm? "RS256"|"PS256"|"ES256"|"EdDSA" default: by the key
---@field certificate? jeton.token.Secret PEM
---@field tls? { certificate: jeton.token.Secret, key: jeton.token.Secret }
---@field assertion? jeton.token.Assertion
---@field client_assertion? { audience: string }
---@field refresh_token? jeton.token.Secret
---@field subject_token? jeton.token.Secret
---@field subject_token_type? string
---@field actor_token? jeton.token.Secret
---@field actor_token_type? string
---@field scope? string|string[]
---@field scope_separator? string default a space
---@field audience? string
---@field resource? string|string[]
---@field params? table<string, jeton.token.Secret>
---@field refresh_params? table<string, jeton.token.Secret>
---@field headers? table<string, jeton.token.Secret>
---@field body? "form"|"json"|"query" default form
---@field reply? jeton.token.Reply
---@field early? string a duration, such as "5m"
---@field default_lifetime? string a duration: where the service says none
---@field refresh_lifetime? string a duration
---@field login_lifetime? string a duration
---@field dead_errors? string[]
---@field endpoint? string the API
---@field authorization? string default "Bearer {token}"
---@field header? string in its place: another header field
---@field allow_hosts? string[] patterns; default: the host of endpoint
---@field ca_file? string path of the certificates to trust; default the system's
---@field rate_limit? table of calls of the API
---@field timeout? number seconds; default 60
---@field retries? integer default 0

--- What an assertion says.
---@class jeton.token.Assertion
---@field issuer? string default: client_id, or that of the key's file
---@field subject? string
---@field audience? string default: token_url; none for app_jwt
---@field lifetime? string a duration; default "5m"
---@field backdate? string a duration
---@field scope_claim? boolean the scope is asked for there
---@field claims? table<string, any>

--- Where things are in a reply: JSON Pointers such as "/authed_user/access_token".
---@class jeton.token.Reply
---@field access_token? string
---@field token_type? string
---@field refresh_token? string
---@field expires_in? string
---@field expires_at? string
---@field refresh_expires_in? string
---@field scope? string
---@field endpoint? string
---@field ok? string
---@field error? string
---@field error_description? string
---@field unit? "s"|"ms"|"iso8601" of the expiry

--- Gives the connector's token, from the cache while it is fresh (*waits*).
---@param connector? string name; default the run's
---@return jeton.Token? token
---@return jeton.Err? err `config`, `auth`, `network`, `http`, `throttled`, `invalid` or `deadline`
function token.get(connector) end

--- Exchanges once, even if the cached token is fresh (*waits*).
---@param connector? string name; default the run's
---@return jeton.Token? token
---@return jeton.Err? err
function token.refresh(connector) end

--- Exchanges the given values at a Kaizala token service, and stores nothing (*waits*). From then on
--- `jeton.http` sends these values and the new token only to the token service and allow_hosts.
---
--- With `provider = "oauth2"`, or a `preset`, at any OAuth 2.0 service: `jeton.http` then sends the values to
--- `endpoint` and allow_hosts.
---@param credentials jeton.token.Credentials|jeton.token.OAuth2 raises on an unknown or missing key
---@return jeton.Token? token with `refresh_token` if one came
---@return jeton.Err? err
function token.exchange(credentials) end

--- Drops the cached token and a rotated refresh token, and the access tokens that connectors with
--- `token_of` have for it: the configured one is used next. Where refresh tokens are good for one use, that
--- one is spent.
---@param connector? string name; default the run's
---@return true? done
---@return jeton.Err? err
function token.forget(connector) end

--- Treats a text as a secret of the connector, such as a token that its service returned: it is masked in
--- all that jeton writes, and `jeton.http` sends it only to the connector's hosts. Texts of under 6 bytes
--- are refused: they would not be masked.
---@param secret string
---@param connector? string name; default the run's
---@return true? done
---@return jeton.Err? err `config`: there is no such connector; `invalid`: too short
function token.hide(secret, connector) end

--- Says which connector `get` would use. Sends nothing.
---@param connector? string name; default the run's
---@param provider? string the name of a provider that it must be of
---@return string? name
---@return jeton.Err? err `config`: there is none of that name, or several and none was named
function token.connector(connector, provider) end

return token
