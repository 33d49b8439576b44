--- Case folding: capital letters of the Latin, Greek, Cyrillic and Armenian alphabets become small ones, one
--- for one. Composed and decomposed accents stay different.

-- First and last capital, distance to the small letter, step (2: capitals and small letters alternate).
local RANGES = {
  { 0x00C0, 0x00D6, 32 }, { 0x00D8, 0x00DE, 32 }, -- À … Þ, without ×
  { 0x0100, 0x012E, 1, 2 }, { 0x0132, 0x0136, 1, 2 }, { 0x0139, 0x0147, 1, 2 }, { 0x014A, 0x0176, 1, 2 },
  { 0x0178, 0x0178, -121 }, { 0x0179, 0x017D, 1, 2 }, -- Ÿ; Ź Ż Ž
  { 0x0181, 0x0181, 210 }, { 0x0186, 0x0186, 206 }, { 0x018A, 0x018A, 205 }, { 0x018F, 0x018F, 202 }, -- ƁƆƊƏ
  { 0x0190, 0x0190, 203 }, { 0x0194, 0x0194, 207 }, { 0x0198, 0x0198, 1 }, { 0x019D, 0x019D, 213 }, -- ƐƔƘƝ
  { 0x01A0, 0x01A4, 1, 2 }, { 0x01AF, 0x01AF, 1 }, { 0x01B3, 0x01B5, 1, 2 }, -- Ơ Ư Ƴ
  { 0x01CD, 0x01DB, 1, 2 }, { 0x01DE, 0x01EE, 1, 2 }, { 0x01F8, 0x021E, 1, 2 }, { 0x0222, 0x0232, 1, 2 },
  { 0x0386, 0x0386, 38 }, { 0x0388, 0x038A, 37 }, { 0x038C, 0x038C, 64 }, { 0x038E, 0x038F, 63 },
  { 0x0391, 0x03A1, 32 }, { 0x03A3, 0x03AB, 32 }, { 0x03C2, 0x03C2, 1 }, -- ς is σ
  { 0x0400, 0x040F, 80 }, { 0x0410, 0x042F, 32 },
  { 0x0460, 0x0480, 1, 2 }, { 0x048A, 0x04BE, 1, 2 }, { 0x04C1, 0x04CD, 1, 2 }, { 0x04D0, 0x052E, 1, 2 },
  { 0x0531, 0x0556, 48 },
  { 0x1E00, 0x1E94, 1, 2 }, { 0x1E9E, 0x1E9E, -7615 }, { 0x1EA0, 0x1EFE, 1, 2 }, -- ẞ is ß
}

local small = {}
for _, range in ipairs(RANGES) do
  for code = range[1], range[2], range[4] or 1 do
    small[utf8.char(code)] = utf8.char(code + range[3])
  end
end

-- One character of several bytes.
local WIDE = "[\xC3-\xEF][\x80-\xBF]+"

---@param text string UTF-8
---@return string
local function fold(text)
  return (text:lower():gsub(WIDE, small))
end

return fold
