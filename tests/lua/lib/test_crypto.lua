-- jeton.crypto, with the vectors of the standards: FIPS 180-2 (SHA-256), RFC 4231 (HMAC), RFC 4648 (base64).
local crypto = require "jeton.crypto"
local lu = require "luaunit"

-- What fn refuses with nil, err.
local function refused(fn, text)
  local value, err = fn(text)
  lu.assertNil(value)
  lu.assertEquals(err.kind, "invalid")
  return err.message
end

local TestRandom = {}

function TestRandom.test_bytes()
  lu.assertEquals(#crypto.random(0), 0)
  lu.assertEquals(#crypto.random(32), 32)
  lu.assertEquals(#crypto.random(1048576), 1048576)
  lu.assertNotEquals(crypto.random(16), crypto.random(16))
  lu.assertErrorMsgContains("0 to 1048576 bytes", crypto.random, -1)
  lu.assertErrorMsgContains("0 to 1048576 bytes", crypto.random, 1048577)
end

function TestRandom.test_uuid()
  local seen = {}
  for _ = 1, 100 do
    local uuid = crypto.uuid()
    lu.assertStrMatches(uuid, "%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x")
    lu.assertEquals(uuid, uuid:lower())
    lu.assertNil(seen[uuid])
    seen[uuid] = true
  end
end

local TestPassword = {}

function TestPassword.test_argon2id()
  local hash = assert(crypto.password_hash "open sesame")
  lu.assertStrMatches(hash, "%$argon2id%$v=19%$m=65536,t=2,p=1%$.+")
  lu.assertTrue(crypto.password_verify(hash, "open sesame"))
  lu.assertFalse(crypto.password_verify(hash, "open sesame "))
  lu.assertFalse(crypto.password_verify(hash, ""))
  lu.assertTrue(crypto.password_verify(assert(crypto.password_hash "a\0b"), "a\0b"))
end

function TestPassword.test_what_is_no_hash()
  for _, hash in ipairs { "", "open sesame", "$argon2id$", ("$argon2id$"):rep(20), "$argon2id$\0" } do
    lu.assertFalse(crypto.password_verify(hash, "open sesame"))
  end
end

function TestPassword.test_what_would_cost_too_much()
  local salt_and_hash = "$c2FsdHNhbHRzYWx0c2FsdA$" .. ("A"):rep(43)
  for _, case in ipairs {
    { "$argon2id$v=19$m=4194304,t=1,p=1", "4096 MiB of memory" },
    { "$argon2i$v=19$m=4194304,t=3,p=1", "4096 MiB of memory" },
    { "$argon2id$v=19$m=1024,t=4000000000,p=1", "4000000000 passes" },
  } do
    local good, err = crypto.password_verify(case[1] .. salt_and_hash, "open sesame")
    lu.assertNil(good)
    lu.assertEquals(err.kind, "invalid")
    lu.assertStrContains(err.message, case[2])
  end
end

local TestHash = {}

function TestHash.test_sha256()
  for text, hash in pairs {
    [""] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ["abc"] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"] =
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    [("a"):rep(1000000)] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
  } do
    lu.assertEquals(crypto.hex(crypto.sha256(text)), hash)
  end
end

function TestHash.test_sha256_of_a_file()
  local path = os.tmpname()
  for _, text in ipairs { "", "abc", ("a"):rep(1000000) } do
    local file <close> = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    local hash, size = crypto.sha256_file(path)
    lu.assertEquals(hash, crypto.sha256(text))
    lu.assertEquals(size, #text)
  end
  os.remove(path)
  for _, bad in ipairs { path, "/", "/dev/null" } do
    local hash, err = crypto.sha256_file(bad)
    lu.assertNil(hash)
    lu.assertEquals(err.kind, "invalid")
    lu.assertStrContains(err.message, "cannot read '" .. bad .. "'")
  end
end

function TestHash.test_hmac_sha256()
  for _, case in ipairs {
    { ("\x0b"):rep(20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    {
      "Jefe", -- shorter than a hash
      "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    },
    {
      ("\xaa"):rep(20),
      ("\xdd"):rep(50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    },
    {
      ("\xaa"):rep(131), -- longer than a block
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    },
  } do
    lu.assertEquals(crypto.hex(crypto.hmac_sha256(case[1], case[2])), case[3])
  end
end

local TestHex = {}

function TestHex.test_both_ways()
  lu.assertEquals(crypto.hex "", "")
  lu.assertEquals(crypto.hex "\0\x7f\x80\xff", "007f80ff")
  lu.assertEquals(crypto.unhex "007f80ff", "\0\x7f\x80\xff")
  lu.assertEquals(crypto.unhex "007F80fF", "\0\x7f\x80\xff")
  lu.assertEquals(crypto.unhex "", "")
end

function TestHex.test_refusals()
  for _, text in ipairs { "0", "0g", "00 ff", "00ff\n", "0x00", "00\0" } do
    lu.assertEquals(refused(crypto.unhex, text),
      "crypto.unhex: expected an even number of hex digits and nothing else")
  end
end

local TestBase64 = {}

local vectors = {
  [""] = "",
  f = "Zg==",
  fo = "Zm8=",
  foo = "Zm9v",
  foob = "Zm9vYg==",
  fooba = "Zm9vYmE=",
  foobar = "Zm9vYmFy",
  ["\xfb\xff\xfe\0"] = "+//+AA==",
}

function TestBase64.test_vectors()
  for bytes, text in pairs(vectors) do
    lu.assertEquals(crypto.base64(bytes), text)
    lu.assertEquals(crypto.unbase64(text), bytes)
    lu.assertEquals(crypto.unbase64((text:gsub("=", ""))), bytes)
  end
end

function TestBase64.test_url_vectors()
  for bytes, text in pairs(vectors) do
    local url = text:gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" })
    lu.assertEquals(crypto.base64url(bytes), url)
    lu.assertEquals(crypto.unbase64url(url), bytes)
    lu.assertEquals(crypto.unbase64url((text:gsub("[+/]", { ["+"] = "-", ["/"] = "_" }))), bytes)
  end
end

function TestBase64.test_every_length()
  for length = 0, 100 do
    local bytes = crypto.random(length)
    lu.assertEquals(crypto.unbase64(crypto.base64(bytes)), bytes)
    lu.assertEquals(crypto.unbase64url(crypto.base64url(bytes)), bytes)
  end
end

function TestBase64.test_refusals()
  for _, text in ipairs { "Z", "Zg=", "Zg===", "Zh==", "Zm9v Zm9v", "Zm9v\n", "Zm9v!", "=", "Zm9v\0",
                        "Zm9\xab", "Zm9\xc3\xa9" } do
    lu.assertStrContains(refused(crypto.unbase64, text), "crypto.unbase64: expected base64 ")
    lu.assertStrContains(refused(crypto.unbase64url, text), "crypto.unbase64url: expected base64url ")
  end
  lu.assertStrContains(refused(crypto.unbase64, "-__-AA=="), "expected base64 ")
  lu.assertStrContains(refused(crypto.unbase64url, "+//+AA=="), "expected base64url ")
end

local TestEqual = {}

function TestEqual.test_equal()
  lu.assertTrue(crypto.equal("", ""))
  lu.assertTrue(crypto.equal("secret", "secret"))
  lu.assertTrue(crypto.equal("a\0b", "a\0b"))
  lu.assertFalse(crypto.equal("secret", "secreT"))
  lu.assertFalse(crypto.equal("Secret", "secret"))
  lu.assertFalse(crypto.equal("a\0b", "a\0c"))
  lu.assertFalse(crypto.equal("secret", "secre"))
  lu.assertFalse(crypto.equal("secre", "secret"))
  lu.assertFalse(crypto.equal("", "x"))
  lu.assertFalse(crypto.equal("x", ""))
end

function TestEqual.test_misuse()
  lu.assertErrorMsgContains("string expected, got nil", crypto.equal, nil, "x")
  lu.assertErrorMsgContains("string expected, got no value", crypto.equal, "x")
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
return runner:runSuiteByInstances {
  { "TestRandom", TestRandom },
  { "TestPassword", TestPassword },
  { "TestHash", TestHash },
  { "TestHex", TestHex },
  { "TestBase64", TestBase64 },
  { "TestEqual", TestEqual },
} == 0
