-- Has an index tell no more of what is done, unless it was told anew, or leased again.
-- KEYS the index   ARGV user, when in ms, until, and why: 'fired', 'again' (something is due at the
--      same time), or 'idle' (somebody looked, and found nothing due)
local entry, due = ARGV[2] .. ':' .. ARGV[1], ARGV[2] * 1000
if redis.call('ZSCORE', KEYS[1], entry) ~= ARGV[3] then return 0 end
-- Whoever writes the index before the head may still be about to write that, so it is looked at
-- again, after 2 s, 6, 14, 30.
if ARGV[4] == 'fired' or ARGV[4] == 'idle' and now >= due + 60000000 then
  redis.call('ZREM', KEYS[1], entry)
else
  if ARGV[4] == 'idle' then due = due + 2 * math.max(now - due, 0) + 2000000 end
  redis.call('ZADD', KEYS[1], string.format('%.0f', due), entry)
end
return 1
