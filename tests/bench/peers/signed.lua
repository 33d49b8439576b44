-- luacheck: globals wrk init request
-- For wrk: posts events, each with an ID of its own and signed. Argument: what IDs begin with.
local ffi = require "ffi"
ffi.cdef [[
const void *EVP_sha256(void);
unsigned char *HMAC(const void *digest, const void *key, int key_len, const char *data, size_t len,
                    unsigned char *out, unsigned int *out_len);
]]
local crypto = ffi.load "libcrypto.so.3"
local KEY = "a-secret-of-the-sender-0123456789"
local BODY = '{"id":"%s-%d","type":"order.created","data":{"number":%d,"total":"129.90","currency":"EUR",'
  .. '"lines":[{"sku":"A-1007","title":"Paper, 80 g, 500 sheets","count":3},'
  .. '{"sku":"B-2210","title":"Ink, black","count":1}],'
  .. '"customer":{"name":"Zoe Martin","mail":"zoe@example.com","city":"Lyon"},"note":"%s"}}'
local NOTE = ("Please leave it with the neighbour. "):rep(8)

local number, prefix = 0, nil
local digest, sum, length = crypto.EVP_sha256(), ffi.new "unsigned char[32]", ffi.new "unsigned int[1]"

function init(args)
  prefix = args[1]
end

function request()
  number = number + 1
  local body = BODY:format(prefix, number, number, NOTE)
  crypto.HMAC(digest, KEY, #KEY, body, #body, sum, length)
  local hex = ffi.string(sum, 32):gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json", ["X-Sig"] = hex }, body)
end
