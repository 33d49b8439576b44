--- The caller.
local pictures = require "sandbox.rules.pictures"

---@type sandbox.operation[]
return {
  {
    name = "users.me",
    summary = "Returns the user of the token.",
    method = "GET",
    path = "/users/me",
    permission = "profile.read",
    reply = {
      { "id", kind = "id" },
      { "name", kind = "string" },
      { "mobileNumber", kind = "phone" },
      { "profilePic", kind = "string" },
      { "isProvisioned", kind = "boolean" },
      { "email", kind = "string" },
      { "tenantId", kind = "id" },
      { "isTenantAdmin", kind = "boolean" },
    },
    example = {},
    run = function(call)
      local user = call.caller.user
      return {
        id = user.id,
        name = user.name,
        mobileNumber = user.phone,
        profilePic = pictures.show(call, user.picture),
        isProvisioned = user.provisioned ~= 0,
        email = user.email,
        tenantId = user.tenant_id,
        isTenantAdmin = user.tenant_admin ~= 0,
      }
    end,
  },
}
