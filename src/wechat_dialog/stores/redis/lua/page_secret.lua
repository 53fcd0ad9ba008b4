-- Returns the secret; stores and returns the given one if there is none yet.
-- KEYS the secret   ARGV a fresh one
local secret = redis.call('GET', KEYS[1])
if secret then return secret end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
