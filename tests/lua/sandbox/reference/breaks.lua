-- For tests/e2e/sandbox/test_openapi.py: writes the document of OpenAPI; then, a JSON object a line, each
-- example of each operation with a body, and each way to break it that the table knows: {what, operation,
-- example, good, body}.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local contract = require "contract"
local examples = require "sandbox.reference.examples"
local openapi = require "sandbox.reference.openapi"
local operations = require "sandbox.operations"

local function write(operation, example, what, body)
  print(json.encode {
    operation = operation.name, example = example.name or "example", what = what, good = what == "good",
    body = body,
  })
end

print(json.encode(openapi.document(operations, "http://127.0.0.1:8080")))
for _, operation in ipairs(operations) do
  for _, example in ipairs(operation.body and examples.of(operation) or {}) do
    local body = examples.fill(example.body or {}, examples.SAMPLES)
    write(operation, example, "good", body)
    contract.each_break(operation.body, body, function(broken)
      write(operation, example, broken.what, broken.value)
    end)
  end
end
