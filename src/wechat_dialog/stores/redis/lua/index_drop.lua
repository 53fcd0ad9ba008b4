-- Removes an entry from an index, unless it was written or leased again meanwhile.
-- KEYS the index
-- ARGV user, time in ms, until, and the reason: 'fired'; 'idle': a check found nothing due; 'again':
--      it stays, since something else is due at the same time
local entry, due = ARGV[2] .. ':' .. ARGV[1], ARGV[2] * 1000
if redis.call('ZSCORE', KEYS[1], entry) ~= ARGV[3] then return 0 end
-- A caller that writes the index before the head may still be about to write the head, so the entry
-- is checked again after 2 s, 6, 14, 30.
if ARGV[4] == 'fired' or ARGV[4] == 'idle' and now >= due + 60000000 then
  redis.call('ZREM', KEYS[1], entry)
else
  if ARGV[4] == 'idle' then due = due + 2 * math.max(now - due, 0) + 2000000 end
  redis.call('ZADD', KEYS[1], string.format('%.0f', due), entry)
end
return 1
