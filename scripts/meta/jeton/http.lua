---@meta jeton.http

--- HTTP requests, plain ones and authenticated ones on a connector's endpoint. A request suspends
--- its task, not the process. Redirects are not followed. A request with a secret in its URL, headers or
--- body is refused (kind `auth`) if the secret's connector does not allow the host.
local http = {}

--- What a failed call returns after nil, and what the SDK raises. `tostring` gives one line.
---@class jeton.Err
---@field kind "auth"|"network"|"http"|"throttled"|"config"|"cancelled"|"deadline"|"invalid"|"conflict"|"lost"
---@field message string
---@field status? integer HTTP status
---@field code? string the service's errorCode
---@field retryable boolean the same call may succeed later
---@field request? string method and URL, without query
---@field retry_after? integer seconds, where a service that throttles or fails for a while says them
---@field traceback? string of the task that failed with it, after `join`

---@class jeton.ErrFields
---@field kind string one of those of `jeton.Err`
---@field message? string
---@field status? integer
---@field code? string
---@field retryable? boolean
---@field retry_after? number|string seconds, or the text of a `Retry-After`
---@field request? string

---@class jeton.http.Options
---@field method? string default GET
---@field headers? table<string, string|number>
---@field query? table<string, string|number|boolean> added to the URL, encoded, in order of the names
---@field body? string at most one of body, json, form, body_file and multipart
---@field json? any written as JSON, with `Content-Type: application/json`
---@field form? table<string, string|number|boolean> written as a form
---@field body_file? string path of a regular file that is sent as it is, without being read into memory
---@field multipart? jeton.http.Part[] sent as multipart/form-data, files without being read into memory
---@field save_to? string path: a 2xx reply's body goes to this file (0600), which appears when it is
--- complete, and replaces an existing one; links are followed where they and their folders are yours
--- or root's; not with HEAD
---@field timeout? number seconds, of one try; default 60, or the connector's; if a file is sent or
--- saved, the longest time without progress
---@field max_body? integer bytes of the reply; default and limit 64 MiB, with save_to 8 GiB
---@field cut? boolean a longer reply is no error: its body is the first `max_body` bytes, and no more is
--- read; not with save_to
---@field any_body? boolean nor is a reply whose body ends early, does not end within `timeout`, or is
--- damaged: for those to whom its status says enough; not with save_to
---@field lenient? boolean `response:json()` reads lenient JSON
---@field no_link_local? boolean never to a link-local address, whatever the host's name resolves to

---@class jeton.http.Part a value, or a file
---@field name string
---@field value? string|number|boolean
---@field file? string path of a regular file
---@field filename? string default: none for a value, the last part of the path for a file
---@field content_type? string default: none for a value, `application/octet-stream` for a file

---@class jeton.http.PlainOptions : jeton.http.Options
---@field ca_file? string path of the certificates to trust; default the system's

---@class jeton.http.UrlOptions : jeton.http.PlainOptions
---@field url string http:// or https://

---@class jeton.http.ConnectorOptions : jeton.http.Options
---@field connector string|true its name; true: the run's
---@field path string below the connector's endpoint (for Kaizala below its /v1: `groups`, `/groups`,
--- `/v1/groups`), or an allowed URL, such as that of the next page
---@field repeatable? boolean a POST or PATCH may be repeated if its reply is lost
---@field any_status? boolean an error status is a response, not an err

---@class jeton.http.Response
---@field status integer
---@field headers table<string, string> names in lower case; repeated values joined by `, `
---@field body string "" if it was saved
---@field path? string where it was saved: save_to
---@field dry_run? boolean true when the request was printed, not sent
local response = {}

--- Decodes the body as JSON; what cannot be exact is mended, unless `mend` is false (see `json.decode`).
---@param options? { lenient?: boolean, mend?: boolean, max_bytes?: integer, max_depth?: integer }
---@return any value nil, err when it is no JSON
---@return jeton.Err? err
function response:json(options) end

--- Sends a request (*waits*). With `connector`, of any provider, it adds the token, handles 401, 408, 429,
--- 5xx and broken connections (for Kaizala also 308), and an error status is an err. With `url`, it tries
--- once, and any status is a response.
---@param options jeton.http.UrlOptions|jeton.http.ConnectorOptions raises on an unknown key
---@return jeton.http.Response? response
---@return jeton.Err? err
---@return jeton.http.Response? reply the error reply, if one came
function http.request(options) end

--- Sends a GET (*waits*).
---@param url string
---@param options? jeton.http.PlainOptions
---@return jeton.http.Response? response
---@return jeton.Err? err
function http.get(url, options) end

--- Sends a POST (*waits*).
---@param url string
---@param options? jeton.http.PlainOptions
---@return jeton.http.Response? response
---@return jeton.Err? err
function http.post(url, options) end

--- Percent-encodes all but letters, digits and `-._~`.
---@param text string
---@return string
function http.encode(text) end

--- Takes a URL apart.
---@param url string
---@return { scheme: string, host: string, port: integer, path: string, query?: string }? parts
---@return jeton.Err? err
function http.parse_url(url) end

--- Makes an err like those of jeton, for your own libraries.
---@param fields jeton.ErrFields
---@return jeton.Err
function http.error(fields) end

return http
