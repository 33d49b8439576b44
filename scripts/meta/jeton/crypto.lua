---@meta jeton.crypto

--- Random bytes, hashes, encodings, a comparison in constant time, and passwords.
local crypto = {}

--- Bytes that nobody can predict.
---@param count integer 0 to 1048576
---@return string bytes
function crypto.random(count) end

--- A random UUID (version 4), in lower case.
---@return string uuid
function crypto.uuid() end

--- SHA-256.
---@param text string
---@return string hash 32 bytes; see `crypto.hex`
function crypto.sha256(text) end

--- SHA-256 of a file's content, which is read piece by piece.
---@param path string
---@return string? hash 32 bytes; nil when it cannot be read
---@return integer|jeton.Err size of the content in bytes, or the err, kind `invalid`
function crypto.sha256_file(path) end

--- HMAC with SHA-256.
---@param key string of any length
---@param text string
---@return string mac 32 bytes
function crypto.hmac_sha256(key, text) end

--- Writes bytes as hex digits.
---@param bytes string
---@return string hex in lower case
function crypto.hex(bytes) end

--- Reads hex digits.
---@param hex string an even number of hex digits of either case
---@return string? bytes nil when text is anything else
---@return jeton.Err? err kind `invalid`
function crypto.unhex(hex) end

--- Base64 with padding (RFC 4648 §4).
---@param bytes string
---@return string text
function crypto.base64(bytes) end

--- Reads base64.
---@param text string base64, with or without padding
---@return string? bytes nil when text is anything else
---@return jeton.Err? err kind `invalid`
function crypto.unbase64(text) end

--- Base64 for URLs, without padding (RFC 4648 §5), as JWTs have it.
---@param bytes string
---@return string text
function crypto.base64url(bytes) end

--- Reads base64url.
---@param text string base64url, with or without padding
---@return string? bytes nil when text is anything else
---@return jeton.Err? err kind `invalid`
function crypto.unbase64url(text) end

--- Compares in a time that reveals neither where the texts differ nor how long `known` is.
---@param known string
---@param given string what came from outside
---@return boolean
function crypto.equal(known, given) end

--- Hashes a password with argon2id and a random salt: slow on purpose, about 0.1 s and 64 MiB.
---@param password string
---@return string? hash `$argon2id$…`, under 128 characters of ASCII; nil when there is not enough memory
---@return jeton.Err? err kind `invalid`
function crypto.password_hash(password) end

--- Whether a password is the one that was hashed. Takes as long as making the hash, and blocks.
---@param hash string `$argon2id$…`; anything else matches no password
---@param password string
---@return boolean? matches nil when the hash asks for too much memory or over 100 passes
---@return jeton.Err? err kind `invalid`
function crypto.password_verify(hash, password) end

return crypto
