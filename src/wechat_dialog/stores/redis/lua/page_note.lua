-- KEYS h j c g   ARGV fence id ttl most
-- Adds a page to its user's, if the claim is the caller's. Returns the ids of those it replaces.
if ARGV[1] ~= '0' then
  local claim = read_line(redis.call('GET', KEYS[3]))
  if claim.fence ~= tonumber(ARGV[1]) or not is_claimed(claim) then return {LOST} end
end
local expires = now + tonumber(ARGV[3])
redis.call('HSET', KEYS[4], ARGV[2], format('%.0f', expires))
local pages = redis.call('HGETALL', KEYS[4])
local there, dropped = {}, {DONE}
for n = 1, #pages, 2 do
  if tonumber(pages[n + 1]) > now then
    there[#there + 1] = {pages[n], tonumber(pages[n + 1])}
  else
    redis.call('HDEL', KEYS[4], pages[n])
  end
end
table.sort(there, function(one, other) return one[2] < other[2] end)
for n = 1, #there - tonumber(ARGV[4]) do
  redis.call('HDEL', KEYS[4], there[n][1])
  dropped[#dropped + 1] = there[n][1]
end
redis.call('PEXPIRE', KEYS[4], ceil(tonumber(ARGV[3]) / 1000))
return dropped
