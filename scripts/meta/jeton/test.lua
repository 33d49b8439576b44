---@meta jeton.test

--- Tests of scripts, in files *_test.lua that `jeton test` runs: each file in a process of its own, with an
--- empty state, without a configuration and with a closed network. `test(name, fn)` adds a test.
---@class jeton.test
---@overload fun(name: string, fn: fun(t: jeton.T))
local test = {}

--- A test that is not run for now.
---@param name string
---@param fn fun(t: jeton.T)
function test.skip(name, fn) end

--- While there is one, it alone is run. It fails where CI is set in the environment.
---@param name string
---@param fn fun(t: jeton.T)
function test.only(name, fn) end

--- What a test's function gets. Its working directory is an empty folder.
---@class jeton.T
---@field name string
---@field file string the test file, as it was named
---@field path string the same, absolute
---@field any any in a shape: fits all but nil
local T = {}

--- Compares tables deep, without metatables; 3 and 3.0 differ.
---@param got any
---@param want any
function T:equal(got, want) end

--- What the shape names must fit: tables in part, texts that begin with "^" as patterns, functions that say
--- whether a value fits, `t.any`; all else must be equal.
---@param got any
---@param shape any
function T:like(got, shape) end

--- fn must raise, or return nil or false and an err, which is returned.
---@param fn fun(): any
---@param shape? string|table of the message, or of the err
---@return any err
function T:fails(fn, shape) end

--- The value as it was when `jeton test --update` was run.
---@param name string may be left out
---@param value any
---@overload fun(self: jeton.T, value: any)
function T:snapshot(name, value) end

---@class jeton.test.EventOptions
---@field type? string
---@field id? string
---@field data? any the body, as JSON
---@field body? string in its place
---@field headers? table<string, string>
---@field preset? string of the sender; without one, the test's own
---@field hook? table more keys of the webhook, as in the configuration
---@field name? string of the webhook
---@field crash? string "after step NAME", "before step NAME", "before the end": its worker dies there
---@field forged? boolean another body than what was signed, or another token

---@class jeton.test.Event
---@field verdict "stored"|"duplicate"|"held"|"full"|"answered"|"skipped"|"refused"
---@field status integer what the sender gets
---@field body string the same: of a challenge, and of a handler where the webhook has `answer: handler`
---@field headers table<string, string> that such a handler gave
---@field why? string why it is refused or skipped, as the log has it
---@field state? string "done", "dead", "held"
---@field attempts? integer
---@field duplicates? integer how often it came again
---@field type? string
---@field id? string
---@field error? string of the last attempt
---@field stdout string
---@field stderr string
---@field keys table<string, any> jeton.state of the webhook, afterwards
local Event = {}

--- The same delivery once more.
---@return jeton.test.Event
function Event:again() end

--- Another event like this one, whose worker dies there.
---@param where string "after step NAME", "before step NAME", "before the end"
---@return jeton.test.Event
function Event:crash(where) end

--- Delivers a webhook to the handlers in a script beside the test file, and waits until it is done or dead.
---@param handlers string
---@param options? jeton.test.EventOptions
---@return jeton.test.Event
function T:event(handlers, options) end

---@class jeton.test.CassetteOptions
---@field mask? string[] more fields whose values are secret
---@field match? string[]|fun(recorded: table, got: table): boolean default { "method", "url", "body" }

--- Requests get the replies that `jeton test --record` has got from the real services.
---@param name string of the file beside this one
---@param options? jeton.test.CassetteOptions
function T:cassette(name, options) end

--- Called at the test's end, whatever became of it; the last one first. It may wait.
---@param fn fun()
function T:defer(fn) end

--- Shown if the test fails.
---@param ... any
function T:log(...) end

--- Sets the clock, and says what time it is: seconds since the epoch. No time passes by it. A test begins on
--- Monday, 2026-01-05T09:00:00Z.
---@param time? string|number "2026-03-29T01:30:00+01:00", "2026-03-29", or seconds since the epoch
---@return integer
function T:clock(time) end

--- Lets time pass. What waits for it goes on, in order.
---@param duration string|number "15m", "1h30m", or seconds
function T:advance(duration) end

--- Whole seconds that have passed since the test began, by its clock.
---@return integer
function T:elapsed() end

--- Calls fn again and again until it returns something true, which it returns.
---@param fn fun(): any
---@param within? string|number of the test's clock, then it fails; default "1m"
---@return any
function T:eventually(fn, within) end

---@class jeton.test.Reply
---@field status? integer default 200
---@field headers? table<string, string|string[]>
---@field json? any the body, as JSON
---@field body? string
---@field wait? number seconds of the test's clock until it comes
---@field broken? boolean the connection breaks instead
---@field times? integer how often it is given; the test fails if it is not

--- What a route's function gets, and (with `json` and `form` as fields, decoded) what `requests` gives.
---@class jeton.test.Request
---@field method string
---@field url string
---@field path string without what the fake's URL says
---@field query table<string, string>
---@field headers table<string, string> names in lower case
---@field body string
---@field parts? table[] of a multipart body: name, value, filename, content_type
local Request = {}

--- The body, decoded.
---@return any
function Request:json() end

--- The fields of a form.
---@return table<string, string>
function Request:form() end

---@alias jeton.test.Answer jeton.test.Reply|integer|string
---@alias jeton.test.Answerer fun(request: jeton.test.Request): jeton.test.Answer
---@alias jeton.test.Replies jeton.test.Answer|jeton.test.Reply[]|jeton.test.Answerer

--- A service that is not there.
---@class jeton.test.Fake
---@field url string
---@overload fun(routes: table<string, jeton.test.Replies>): jeton.test.Fake
local Fake = {}

--- The requests that came, in order: of a route, or all.
---@param route? string as it was written
---@return jeton.test.Request[]
function Fake:requests(route) end

--- How many came.
---@param route? string
---@return integer
function Fake:count(route) end

--- Answers in the place of a service: `t:fake "https://api.example.com" { ["GET /x"] = { json = {} } }`.
---@param url string with a path, if all routes begin with one
---@param options? { login: jeton.test.OAuth } whose access tokens it wants: others get a 401
---@return jeton.test.Fake
function T:fake(url, options) end

---@class jeton.test.OAuthOptions
---@field client_id? string what a client must say; default: anything
---@field client_secret? string likewise
---@field lifetime? number seconds of an access token; default 3600
---@field rotate? boolean each refresh gives another refresh token, and the one before ends
---@field grace? number seconds that it still works
---@field revokes? boolean whoever uses one that has ended ends them all
---@field dead? boolean the refresh token works no more
---@field refresh_token? string the first one
---@field scope? string what is granted
---@field fields? table of each reply, beside the usual ones

--- A token service that is not there.
---@class jeton.test.OAuth
---@field url string
---@field token_url string
---@field refresh_token string the one that works now
local OAuth = {}

--- How many requests of a kind came: "refresh", "client_credentials", "code", …; all without one.
---@param kind? string
---@return integer
function OAuth:count(kind) end

--- The requests that came.
---@return jeton.test.Request[]
function OAuth:requests() end

--- The next request gets this reply, and no token.
---@param reply jeton.test.Answer
function OAuth:once(reply) end

--- The next request is granted, but nobody hears of it: the connection breaks.
function OAuth:lose() end

--- All access tokens that were given end now.
function OAuth:expire() end

--- The refresh token works no more.
function OAuth:kill() end

--- Whether a request brings an access token that works.
---@param request jeton.test.Request
---@return boolean
function OAuth:accepts(request) end

--- What a connector of this service says; keys of its own go before.
---@param keys? table
---@return table
function OAuth:connector(keys) end

--- Answers in the place of a token service, at url .. "/token".
---@param url string
---@param options? jeton.test.OAuthOptions
---@return jeton.test.OAuth
function T:oauth(url, options) end

--- Defines a connector for this test and the scripts that it runs.
---@param name string
---@param keys table as in the configuration
function T:connector(name, keys) end

---@class jeton.test.SandboxOptions
---@field seed? string a file beside the test file
---@field rate_limit? integer calls a minute of a connector
---@field faults? table[] as docs/sandbox.md says

--- The SDK's client for the admin of a sandbox, and what only tests can ask it.
---@class jeton.test.Kaizala: kaizala.Client
---@field url string
local Kaizala = {}

--- What it was asked, the newest last.
---@param path? string only this one; * is any text
---@return { method: string, path: string, status: integer }[]
function Kaizala:requests(path) end

--- The messages that were posted, which connectors cannot read.
---@return { text: string, sender: string }[]
function Kaizala:messages() end

--- What a control route says, below /_sandbox/.
---@param method string
---@param route string
---@param value? any
---@return any
function Kaizala:steer(method, route, value) end

--- Starts a Kaizala in a process of its own, which is the connector of scripts where none is named.
---@param options? jeton.test.SandboxOptions
---@return jeton.test.Kaizala
function T:sandbox(options) end

---@class jeton.test.RunOptions
---@field args? table a list, or values by name
---@field job? table its name, args and other keys, as in the configuration; `attempt`, from 1
---@field connector? string the run's
---@field stdin? string
---@field dry_run? boolean
---@field env? table<string, string> variables of its environment, beside those of the process
---@field timeout? number seconds of the test's clock
---@field memory? integer bytes

---@class jeton.test.Run
---@field status integer
---@field kind string|nil of the error that it ended with
---@field message string|nil
---@field stdout string
---@field stderr string
---@field log { level: string, message: string }[]
---@field state table<string, any> jeton.state, afterwards

--- Runs a script to its end, in a Lua state of its own, under the rules of the test.
---@param path string beside the test file
---@param options? jeton.test.RunOptions
---@return jeton.test.Run
function T:run(path, options) end

return test
