-- KEYS s   ARGV step; '' for all of them
-- Returns step, part, outcome of each part that is kept, the oldest first.
local all, found = redis.call('HGETALL', KEYS[1]), {}
for n = 1, #all, 2 do
  local since, expires, start = string.match(all[n + 1], '^(%d+) (%d+)\n()')
  local step, part = string.match(all[n], '^([^%z]*)%z(.*)$')
  if now >= tonumber(expires) then
    redis.call('HDEL', KEYS[1], all[n])
  elseif ARGV[1] == '' or ARGV[1] == step then
    found[#found + 1] = {tonumber(since), step, part, string.sub(all[n + 1], start)}
  end
end
table.sort(found, function(one, other)
  return one[1] < other[1] or one[1] == other[1] and one[3] < other[3]
end)
local flat = {}
for n, one in ipairs(found) do
  flat[3 * n - 2], flat[3 * n - 1], flat[3 * n] = one[2], one[3], one[4]
end
return flat
