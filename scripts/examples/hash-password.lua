-- Prints the argon2id hash of a password, for `jeton sandbox --password-file`.
--
-- Run:   jeton run hash-password.lua < FILE > HASH      (the first line of FILE is the password)
--        (umask 077; jeton run hash-password.lua > HASH)   (then type it, and Enter)
--
-- Out:   one line, `$argon2id$…`. A sandbox with HASH recognises the password, but it cannot be read from
--        HASH.
local crypto = require "jeton.crypto"

local line = io.read "l" or ""
local password = line:gsub("^\xEF\xBB\xBF", ""):gsub("\r.*", "") -- as some editors save it
if password == "" then
  error("expected a password on the first line of standard input", 0)
end
print(assert(crypto.password_hash(password)))
