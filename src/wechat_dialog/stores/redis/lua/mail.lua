-- How the mailbox is read. Stands after entry.lua, which describes its keys.

-- number expires account, packed, before a signal's body
local LETTER = '>I8I8I2c0'

-- Decodes the HGETALL of m: the signals that have not expired, oldest first; field `last` is when
-- the last of them expires.
local function read_mail(all)
  local found = {last = 0}
  for i = 1, #all, 2 do
    local number, expires, account, start = struct.unpack(LETTER, all[i + 1])
    if now < expires then
      found[#found + 1] = {
        number = number, account = account, expires = expires, body = string.sub(all[i + 1], start),
      }
      found.last = max(found.last, expires)
    end
  end
  table.sort(found, function(one, other) return one.number < other.number end)
  return found
end

-- Returns the numbers and bodies in turn, as a flat list.
local function flat(signals)
  local all = {}
  for i, one in ipairs(signals) do all[2 * i - 1], all[2 * i] = one.number, one.body end
  return all
end
