-- luacheck: globals wrk
-- For wrk: posts messages.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"message":"Hello"}'
