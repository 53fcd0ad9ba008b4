-- The first part of claim.lua: a look, for a caller that would rather read than claim. It stands
-- before entry.lua, since it needs nothing of that, and to make its functions costs.
-- See claim.lua for KEYS and ARGV, and entry.lua for the keys.
-- Returns the time, as text, what is stored as h and as d, and the records unless they are asked for
-- beside the script; and goes on if the turn takes a claim.
local name, looks, beside, question = struct.unpack('>c6I1I1', ARGV[1])
local got = redis.call('MGET', KEYS[1], KEYS[4], KEYS[5], KEYS[3])
if looks == 1 and got[1] then
  local expires, start = 0, 68
  if string.byte(got[1]) == 9 then
    expires = struct.unpack('>I8', got[1], 36)
  else -- as an earlier version wrote it
    local committed, lasts, till, head = string.match(got[1],
      '^%S+ %d+ %d+ %d+ (%d+) (%+?)(%d+)\n()')
    expires, start = (lasts == '+' and committed or 0) + till, head
  end
  local quiet = now < expires
    and not string.find(got[1], name, start, true)
  if quiet and got[2] then
    local since, kept = string.match(got[2], '^[=~](%d+)%+?(%d*)')
    quiet = now >= since + (tonumber(kept) or 0)
  end
  if quiet and got[4] then
    local claim, seen = unpack(cmsgpack.unpack(got[4]))
    quiet = claim.fence == 0
    for _, s in pairs(seen) do
      local pends = s.message or s.reply and s.reply ~= ''
      if now < s.asked + (pends and 86400000000 or 60000000) then quiet = false end
    end
  end
  if quiet then
    -- (Answered as today, since today's code reads it.)
    local found = {9, now, got[1], got[3] or ''}
    if beside == 0 then found[5] = redis.call('LRANGE', KEYS[2], 0, -1) end
    return found
  end
end
