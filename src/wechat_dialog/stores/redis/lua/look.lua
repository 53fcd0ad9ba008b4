-- The first part of claim.lua: answers an optimistic claim without granting one, if nobody else is
-- active. `looks` says for whom: 0: nobody, 1: a user with a conversation, 2: also one without.
-- It stands before entry.lua, because it does not need the functions of that, and creating them
-- takes time. See claim.lua for KEYS and ARGV, and entry.lua for the keys.
-- Returns LOOKED, the time, the value of h (or, without a conversation, the number that was issued
-- last), that of d, and the records that the caller may lack, unless
-- an LRANGE is sent beside the script. If a claim is needed, the script continues instead.
local name, looks, beside, question = struct.unpack('>c6I1I1', ARGV[1])
local got = redis.call('MGET', KEYS[1], KEYS[4], KEYS[5], KEYS[3])
local quiet, found
local absent = not got[1] or string.byte(got[1]) == 9 and struct.unpack('>I8', got[1], 8) == 0
if absent then
  quiet = looks == 2 and not got[2] and not (got[1] and string.find(got[1], name, 68, true))
  local issued = 0
  if quiet and got[4] then
    local claim, seen = unpack(cmsgpack.unpack(got[4]))
    quiet = claim.fence == 0 and not claim.mail and next(seen) == nil
    issued = claim.last
  end
  found = {9, now, issued, got[3] or ''}
elseif looks > 0 then
  local expires, start = 0, 68
  if string.byte(got[1]) < 12 then
    expires = struct.unpack('>I8', got[1], 36)
  else -- written by an earlier version
    local committed, lasts, till, head = string.match(got[1],
      '^%S+ %d+ %d+ %d+ (%d+) (%+?)(%d+)\n()')
    expires, start = (lasts == '+' and committed or 0) + till, head
  end
  quiet = now < expires
    and not string.find(got[1], name, start, true)
  if quiet and got[2] then
    local since, kept = string.match(got[2], '^[=~](%d+)%+?(%d*)')
    quiet = now >= since + (tonumber(kept) or 0)
  end
  if quiet and got[4] then
    local claim, seen = unpack(cmsgpack.unpack(got[4]))
    quiet = claim.fence == 0 and (claim.mail_until or 0) <= now
    for _, s in pairs(seen) do
      local pends = s.message or s.reply and s.reply ~= ''
      if now < s.asked + (pends and 86400000000 or 60000000) then quiet = false end
    end
  end
  found = {9, now, got[1], got[3] or ''} -- a number costs less to answer than its text
end
if quiet then
  if beside == 0 then
    local _, _, _, have = struct.unpack('>I8I1I8I8', ARGV[1], question)
    -- See first_read in answers.py.
    found[5] = redis.call('LRANGE', KEYS[2], have > 50 and have - 1 or 0, -1)
  end
  return found
end
