-- KEYS h j d p   ARGV brief: '1' for a line of a listing, without what is long
-- Returns head length age ttl records data {id document ttl, …}
local brief = ARGV[1] == '1'
local doc = read_head(redis.call('GET', KEYS[1]))
local parked = {}
local all = redis.call('HGETALL', KEYS[4])
for i = 1, #all, 2 do
  local stamp, expires, start = match(all[i + 1], '^(%d+) (%d+)\n()')
  if now < tonumber(expires) then
    parked[#parked + 1] = {
      stamp = tonumber(stamp), id = all[i], ttl = tonumber(expires) - now,
      document = brief and '' or string.sub(all[i + 1], start),
    }
  end
end
table.sort(parked, function(one, other) return one.stamp < other.stamp end)
local flat = {}
for i, one in ipairs(parked) do
  flat[3 * i - 2], flat[3 * i - 1], flat[3 * i] = one.id, one.document, one.ttl
end
local data = not brief and redis.call('GET', KEYS[3]) or ''
if not doc then return {'', 0, 0, 0, {}, data, flat} end
local records = brief and {} or redis.call('LRANGE', KEYS[2], 0, -1)
return {doc.head, doc.length, max(now - doc.committed, 0), doc.expires - now, records, data, flat}
