--- A place: name and coordinates.

---@param talk sandbox.portal.talk
---@param name string "" for none
---@param latitude number
---@param longitude number
---@return string
return function(talk, name, latitude, longitude)
  local at = ("%.5f; %.5f"):format(latitude, longitude)
  if talk.visit.language == "fr" then
    at = at:gsub("%.", ",")
  end
  return name ~= "" and ("%s (%s)"):format(name, at) or at
end
