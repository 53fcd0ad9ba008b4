-- Adds an entry to an index.
-- KEYS the index   ARGV user, time in ms (0: now, and leased to the caller), the lease, '1' if an
--      existing entry stays as it is
-- Returns the time, the entry's `until` (see `Due`), and whether it is new.
local due, score = tonumber(ARGV[2]), ARGV[2] * 1000
if due == 0 then due, score = math.floor(now / 1000), now + ARGV[3] end
local entry, score_text = string.format('%.0f:', due) .. ARGV[1], string.format('%.0f', score)
if ARGV[4] == '1' then
  return {due, score, redis.call('ZADD', KEYS[1], 'NX', score_text, entry)}
end
return {due, score, redis.call('ZADD', KEYS[1], score_text, entry)}
