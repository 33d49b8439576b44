---@meta jeton.server

--- HTTP servers. The handler runs in a new task for each request; an error in it answers 500 and is
--- logged with its traceback. The run goes on until every server is closed.
local server = {}

---@class jeton.server.Options
---@field host? string a literal address, or "localhost"; default "127.0.0.1"
---@field port? integer default 0, a free one
---@field handler fun(request: jeton.server.Request): jeton.server.Response may wait
---@field head? fun(request: jeton.server.Request): jeton.server.Response|integer|nil called before
--- a body is read (`body` is ""): a response refuses the request and ends the connection, a number limits
--- the bytes of this body. It must not wait, and is not called for requests without a body
---@field ask_over? integer bytes; `head` is not called for smaller bodies, unless they are split into
--- files or the client sends `Expect: 100-continue`; default 0
---@field refuse? fun(refusal: jeton.server.Refusal): jeton.server.Response returns the
--- response to what the server itself refuses (malformed, too large, too slow); must not wait. Default: JSON,
--- `{"message":…, "errorCode":…}`
---@field max_body? integer bytes; a larger body is answered 413; default 16 MiB
---@field spool_over? integer bytes; a larger body is put into a file, `body_file`; default: none is
---@field max_upload? integer bytes of a multipart/form-data body, which is then split into files,
--- `parts`; default 0: they are not split
---@field folder? string where these files go; made 0700 if absent, and kept; default: a temporary folder
---@field task_limit? integer requests handled at once; more are answered 503; default 1000

---@class jeton.server.Request
---@field method string
---@field target string path and query, still encoded
---@field path string as it came, without the query
---@field raw_query string what follows `?`, still encoded; "" if there is none
---@field query table<string, string> decoded; the last of a name wins
---@field headers table<string, string> names in lower case; repeated values joined by `, `
---@field body string "" if it is in files
---@field body_file? string path of the body, if it is over spool_over; removed with the request
---@field parts? jeton.server.Part[] of a multipart/form-data body, with max_upload
---@field malformed? string why there are no parts
---@field remote string address of the peer

---@class jeton.server.Refusal
---@field status integer
---@field code string "RequestEntityTooLarge"
---@field message string
---@field path? string as it came, without the query; nil if unknown

---@class jeton.server.Part
---@field name string "" if it has none
---@field filename? string as the client says
---@field content_type? string as the client says
---@field file string path of the content; removed with the request, unless the handler moved it
---@field size integer bytes
---@field sha256 string of the content, hexadecimal

---@class jeton.server.Response
---@field status? integer 200–599; default 200
---@field headers? table<string, string|number|(string|number)[]> Content-Length is set; Date unless given
---@field body? string default ""
---@field file? string path of a regular file that is the body
---@field drop? boolean true: the connection is closed without an answer

---@class jeton.server.Server
---@field host string as it was asked for
---@field port integer the actual one
---@field folder? string where files go, with spool_over, max_upload or folder
local instance = {}

--- Listens from now on. nil, err: no such address (`config`), or it is in use (`network`).
---@param options jeton.server.Options
---@return jeton.server.Server? server
---@return jeton.Err? err
function server.listen(options) end

--- Closes it and its connections. Running handlers are not stopped, but their responses are dropped.
--- Idempotent. Also done by `local s <close>`.
function instance:close() end

--- Waits until the server is closed.
function instance:wait() end

return server
