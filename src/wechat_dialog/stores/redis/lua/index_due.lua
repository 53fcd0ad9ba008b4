-- The index of an account: '<when, in ms>:<user>' by when it can be had, in µs.
-- KEYS the index   ARGV limit lease; a lease below 0: only look
-- Returns the time, when the first that is left can be had (-1: none is left), and entries, each
-- with what it now has for `until`.
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
