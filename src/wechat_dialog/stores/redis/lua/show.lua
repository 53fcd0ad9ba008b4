-- KEYS h j c d p b m   ARGV brief: '1' for a line of a listing, without the long values; '2' for
--      one that has, in place of the data, whether there is anything else of the user
-- Returns head length age ttl records data {id document ttl, …} {id, document, …} signals wake account
local brief = ARGV[1] ~= '0'
local doc = read_head(redis.call('GET', KEYS[1]))
local parked = {}
local all = redis.call('HGETALL', KEYS[5])
for i = 1, #all, 2 do
  local stamp, expires, start = match(all[i + 1], '^(%d+) (%d+)\n()')
  if now < tonumber(expires) then
    parked[#parked + 1] = {
      stamp = tonumber(stamp), id = all[i], ttl = tonumber(expires) - now,
      document = brief and '' or string.sub(all[i + 1], start),
    }
  end
end
table.sort(parked, function(one, other)
  return one.stamp < other.stamp or one.stamp == other.stamp and one.id < other.id
end)
local triples = {}
for i, one in ipairs(parked) do
  triples[3 * i - 2], triples[3 * i - 1], triples[3 * i] = one.id, one.document, one.ttl
end
local aside, signals = {}, {}
if doc and (doc.aside or 0) > 0 then aside = redis.call('HGETALL', KEYS[6]) end
if ARGV[1] ~= '1' then signals = flat(read_mail(redis.call('HGETALL', KEYS[7]))) end
local data = not brief and redis.call('GET', KEYS[4]) or ''
if ARGV[1] == '2' then
  local _, seen = read_line(redis.call('GET', KEYS[3]))
  if redis.call('EXISTS', KEYS[4]) == 1 or pends(seen) or #signals > 0 then data = '1' end
end
if not doc then return {'', 0, 0, 0, {}, data, triples, {}, signals, 0, ''} end
local records = brief and {} or redis.call('LRANGE', KEYS[2], 0, -1)
return {doc.head, doc.length, max(now - doc.committed, 0), doc.expires - now, records, data, triples,
  aside, signals, doc.wake or 0, doc.account or ''}
