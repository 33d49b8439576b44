--- Signed tokens (JWT) in a text: three parts with dots between them, of which the first two are JSON in
--- base64url. A text costs its length once, whatever it is; a pattern would be tried from each "eyJ" on.
local jwt = {}

local BEGIN <const> = "eyJ." -- what `{"` becomes, and one more

--- Calls fn with each and its position, until it returns something that is not nil; returns that.
---@generic T
---@param text string
---@param fn fun(token: string, position: integer): T?
---@return T?
function jwt.each(text, fn)
  for at, run in text:gmatch "()([%w_.-]+)" do
    local head, body -- the two parts before this one, with their positions
    for part_at, part in (run:find("eyJ", 1, true) and run .. "." or ""):gmatch "()([^.]*)%." do
      local from = head and head.text:find(BEGIN)
      if from and body.text:find("^" .. BEGIN) then
        local token = ("%s.%s.%s"):format(head.text:sub(from), body.text, part)
        local result = fn(token, at + head.at + from - 2)
        if result ~= nil then return result end
        head, body = nil, nil
      else
        head, body = body, { text = part, at = part_at }
      end
    end
  end
end

return jwt
