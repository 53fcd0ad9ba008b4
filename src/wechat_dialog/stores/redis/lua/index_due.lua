-- Returns and leases entries that are due. The index of an account is a sorted set of
-- '<time in ms>:<user>', scored by when the entry may be handed out, in µs.
-- KEYS the index   ARGV limit lease; a negative lease: only read
-- Returns the clock, when the first remaining entry may be handed out (-1: none remains), and the
-- entries, each followed by its new `until`.
local lease = tonumber(ARGV[2])
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'WITHSCORES',
  'LIMIT', '0', ARGV[1])
if lease >= 0 then
  local score = string.format('%.0f', now + lease)
  for i = 1, #found, 2 do
    redis.call('ZADD', KEYS[1], score, found[i])
    found[i + 1] = score
  end
end
local first = redis.call('ZRANGE', KEYS[1], '0', '0', 'WITHSCORES')
return {now, first[2] and tonumber(first[2]) or -1, found}
