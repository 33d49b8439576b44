-- One call of a connector that is not Kaizala's.
assert(require "jeton.http".request { connector = true, method = "GET", path = "/v1/users/me" })
