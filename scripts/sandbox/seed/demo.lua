--- The small tenant of a sandbox without --seed.
local json = require "jeton.json"
local ids = require "sandbox.base.ids"

local demo = {}

local ALICE, BRUNO, CHITRA, DARIA = "+33100000001", "+33100000002", "+33100000003", "+33100000004"
local SALES = "853654b2-7e1b-4c0e-9f0a-3d0c5f6b2a11"
local SALES_NORTH = "0d1f4b9e-57a3-4f7c-8a53-1be2c2b7d0c2"
local NEWS = "c9a7e0d4-2b8f-4f3e-b1d6-9e4a7c5d8f03@1"
local CHITRA_ID = "c3d2e5b4-6d70-4c81-ae9f-102d3c4e5f63"
local CONNECTOR_ID = "2ab9b820-1d7f-4e6a-b3c4-5f8e9d0a7b16"

--- Names for the examples of operations. Chitra is a member of Sales and a subscriber of News, a
--- ConnectGroup. Sales North is a subgroup of Sales. `nobody` is a number without a user.
demo.names = {
  sales = SALES, sales_north = SALES_NORTH, news = NEWS,
  alice = ALICE, bruno = BRUNO, chitra = CHITRA, chitra_id = CHITRA_ID, nobody = "+33100000099",
  picture_url = "http://127.0.0.1:8080/picture.png",
  connector_id = CONNECTOR_ID,
}

---@class sandbox.demo_secrets
---@field secret string of the connector
---@field tenant string refresh token of Alice, the tenant admin
---@field user string refresh token of Bruno
---@field group string refresh token for Sales

--- Draws the secrets of a demo tenant. They are never the same twice: every page in the user's browser can
--- reach a server on this machine, and would know fixed ones.
---@return sandbox.demo_secrets
function demo.draw()
  return {
    secret = ids.new_secret(),
    tenant = ids.new_refresh_token(),
    user = ids.new_refresh_token(),
    group = ids.new_refresh_token(),
  }
end

--- The seed, as decoded YAML.
---@param secrets sandbox.demo_secrets
---@return table document for seed.check
function demo.document(secrets)
  return {
    tenant = { id = "6f1c2a7d-90b4-4e55-8a3f-2c7d1e0b9a64", name = "Contoso" },
    users = json.array {
      { phone = ALICE, id = "a1f0c3d2-4b5e-4a6f-8c7d-9e0b1a2c3d41", name = "Alice Martin",
        email = "alice@contoso.example", tenant_admin = true },
      { phone = BRUNO, id = "b2e1d4c3-5c6f-4b70-9d8e-0f1c2b3d4e52", name = "Bruno Keller",
        email = "bruno@contoso.example" },
      { phone = CHITRA, id = CHITRA_ID, name = "Chitra Rao",
        email = "chitra@contoso.example" },
    },
    groups = json.array {
      { id = SALES, name = "Sales", welcome_message = "Welcome to Sales", admins = json.array { ALICE },
        members = json.array { BRUNO, CHITRA, DARIA }, subgroups = json.array { SALES_NORTH } },
      { id = SALES_NORTH, name = "Sales North", admins = json.array { BRUNO },
        members = json.array { CHITRA } },
      { id = NEWS, name = "Contoso News", type = "ConnectGroup", admins = json.array { ALICE },
        subscribers = json.array { BRUNO, CHITRA } },
    },
    connectors = json.array {
      {
        id = CONNECTOR_ID,
        secret = secrets.secret,
        name = "Demo",
        owner = ALICE,
        permissions = "all",
        tokens = json.array {
          { user = ALICE, refresh_token = secrets.tenant },
          { user = BRUNO, refresh_token = secrets.user },
          { user = ALICE, group = SALES, refresh_token = secrets.group },
        },
      },
    },
  }
end

return demo
