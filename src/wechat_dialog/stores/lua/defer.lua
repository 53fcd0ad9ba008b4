-- KEYS a   ARGV kept
local mark = read_mark(redis.call('GET', KEYS[1]))
if mark then return {ANSWERED, mark} end
local kept = tonumber(ARGV[1])
redis.call('SET', KEYS[1], format('~%.0f\n', now + kept), 'PX', ceil(kept / 1000))
return {DONE}
