--- The caller himself.

---@type sandbox.operation[]
return {
  {
    name = "users.me",
    method = "GET",
    path = "/users/me",
    permission = "profile.read",
    run = function(call)
      local user = call.caller.user
      return {
        id = user.id,
        name = user.name,
        mobileNumber = user.phone,
        profilePic = user.picture,
        isProvisioned = user.provisioned ~= 0,
        email = user.email,
        tenantId = user.tenant_id,
        isTenantAdmin = user.tenant_admin ~= 0,
      }
    end,
  },
}
