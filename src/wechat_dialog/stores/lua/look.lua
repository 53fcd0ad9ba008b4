-- The first part of claim.lua: a look, for who would rather read than claim. It stands before
-- document.lua, since it needs nothing of that, and the making of its functions costs.
-- See claim.lua for KEYS and ARGV, and document.lua for the keys.
-- Returns 'now <bytes of data>\n' .. data .. what is stored as h, with the records unless they are
-- asked for beside the script; and goes on if the turn takes a claim.
local got = redis.call('MGET', KEYS[1], KEYS[4], KEYS[5], KEYS[3])
if ARGV[7] == '1' and got[1] then
  local committed, lasts, expires = string.match(got[1], '^%S+ %d+ %d+ %d+ (%d+) (%+?)(%d+)')
  local quiet = now < (lasts == '+' and committed or 0) + expires
  if quiet and got[2] then
    local since, kept = string.match(got[2], '^[=~](%d+)%+?(%d*)')
    quiet = now >= since + (tonumber(kept) or 0)
  end
  if quiet and got[4] then
    local claim, seen = unpack(cmsgpack.unpack(got[4]))
    quiet = claim.fence == 0
    for _, s in pairs(seen) do
      if now < s.asked + (s.message and 86400000000 or 60000000) then quiet = false end
    end
  end
  if quiet then
    local data = got[3] or ''
    local found = stamp .. ' ' .. #data .. '\n' .. data .. got[1]
    if ARGV[8] == '1' then return found end
    return {found, redis.call('LRANGE', KEYS[2], 0, -1)}
  end
end
