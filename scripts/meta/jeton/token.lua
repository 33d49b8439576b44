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
---@field token_service string https://…, or http:// to loopback
---@field application_id string
---@field application_secret string
---@field refresh_token string
---@field allow_hosts? string[] host patterns; default the host of token_service only
---@field ca_file? string path of the certificates to trust; default the system's
---@field timeout? number seconds; default 60

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
---@param credentials jeton.token.Credentials raises on an unknown or missing key
---@return jeton.Token? token with `refresh_token` if one came
---@return jeton.Err? err
function token.exchange(credentials) end

--- Drops the cached token and a rotated refresh token, and the access tokens that connectors with `token_of`
--- have for it: the configured one is used next. Where refresh tokens are good for one use, that one is spent.
---@param connector? string name; default the run's
---@return true? done
---@return jeton.Err? err
function token.forget(connector) end

--- Treats a text as a secret of the connector, such as a token that its service returned: it is masked in
--- all that jeton writes, and `jeton.http` sends it only to the connector's hosts. Texts of under 6 bytes
--- are not masked.
---@param secret string
---@param connector? string name; default the run's
---@return true? done
---@return jeton.Err? err `config`: there is no such connector
function token.hide(secret, connector) end

--- Says which connector `get` would use. Sends nothing.
---@param connector? string name; default the run's
---@param provider? string the name of a provider that it must be of
---@return string? name
---@return jeton.Err? err `config`: there is none of that name, or several and none was named
function token.connector(connector, provider) end

return token
