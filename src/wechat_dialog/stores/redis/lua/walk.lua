-- Who walks through all keys: one at a time, and nobody for a while after.
-- KEYS the walk   ARGV who asks, and for how many ms it is theirs
-- Returns 1 if it is theirs.
local walker = redis.call('GET', KEYS[1])
if walker and walker ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
