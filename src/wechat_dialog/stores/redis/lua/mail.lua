-- How the mailbox is read. It stands after entry.lua, which says where it is.

-- number expires account, packed, before a signal's body
local LETTER = '>I8I8I2c0'

-- Returns what HGETALL says of m: the signals that are not over, the first first; `last` is until
-- when there are any.
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

-- Gives numbers and bodies, one after another.
local function flat(signals)
  local all = {}
  for i, one in ipairs(signals) do all[2 * i - 1], all[2 * i] = one.number, one.body end
  return all
end
