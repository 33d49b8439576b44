---@meta jeton.server

--- HTTP servers. Each request runs the handler in a task of its own; an error in it answers 500 and
--- goes to the log with its traceback. The run goes on until every server is closed.
local server = {}

---@class jeton.server.Options
---@field host? string a literal address, or "localhost"; default "127.0.0.1"
---@field port? integer default 0, a free one
---@field handler fun(request: jeton.server.Request): jeton.server.Response may wait
---@field head? fun(request: jeton.server.Request): jeton.server.Response|integer|nil asked at once, before
--- anything of a body is read (`body` is ""): a response refuses it and ends the connection, a number
--- is the most bytes that this body may have. It must not wait; requests without a body do not ask
---@field ask_over? integer bytes; smaller bodies are read without asking `head`, unless they are split
--- into files or their sender waits to be asked for them; default 0
---@field refuse? fun(refusal: jeton.server.Refusal): jeton.server.Response puts what the server itself
--- refuses (what is no HTTP, too large, too slow) into a form of its own; must not wait. Default: JSON,
--- `{"message":…, "errorCode":…}`
---@field max_body? integer bytes; a larger body is answered 413; default 16 MiB
---@field spool_over? integer bytes; a larger body is put into a file, `body_file`; default: none is
---@field max_upload? integer bytes of a multipart/form-data body, which is then split into files,
--- `parts`; default 0: such bodies are like others
---@field folder? string where these files go, made 0700 if absent, kept; default: a temporary folder
---@field task_limit? integer requests handled at once; more are answered 503; default 1000

---@class jeton.server.Request
---@field method string
---@field target string as it came: path and query, still encoded
---@field path string as it came, without the query
---@field raw_query string what follows `?`, still encoded; "" where there is none
---@field query table<string, string> decoded; the last of a name wins
---@field headers table<string, string> names in lower case; repeated values joined by `, `
---@field body string "" where it is in files
---@field body_file? string path of the body, where it is over spool_over; removed with the request
---@field parts? jeton.server.Part[] of a multipart/form-data body, with max_upload
---@field malformed? string why there are no parts
---@field remote string address of the peer

---@class jeton.server.Refusal
---@field status integer
---@field code string "RequestEntityTooLarge"
---@field message string
---@field path? string as it came, without the query; nil where it is not known

---@class jeton.server.Part
---@field name string "" where it has none
---@field filename? string as the client says
---@field content_type? string as the client says
---@field file string path of the content; removed with the request, unless it was moved away
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
---@field port integer the real one
---@field folder? string where files go, with spool_over, max_upload or folder
local instance = {}

--- Listens from now on. nil, err: no such address (`config`), or it is in use (`network`).
---@param options jeton.server.Options
---@return jeton.server.Server? server
---@return jeton.Err? err
function server.listen(options) end

--- Closes it with its connections. Handlers that run are not stopped; their replies are dropped.
--- Closing it again is fine. Also done by `local s <close>`.
function instance:close() end

--- Waits until the server is closed.
function instance:wait() end

return server
