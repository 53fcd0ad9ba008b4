-- KEYS s
-- Drops a user's parts; returns 1 if there were any.
local there = 0
for _, part in ipairs(redis.call('HVALS', KEYS[1])) do
  if now < tonumber(string.match(part, '^%d+ (%d+)')) then there = 1 end
end
redis.call('DEL', KEYS[1])
return there
