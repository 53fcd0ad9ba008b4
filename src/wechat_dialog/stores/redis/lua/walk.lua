-- The right to walk through all keys: one process has it at a time, and keeps it for a while.
-- KEYS the walk   ARGV the process, and for how many ms it gets the right
-- Returns 1 if it has the right now.
local walker = redis.call('GET', KEYS[1])
if walker and walker ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
