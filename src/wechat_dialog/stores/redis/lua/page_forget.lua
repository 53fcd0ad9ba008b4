-- KEYS g
-- Returns the ids of a user's pages, which the caller drops, and knows them no more.
local pages, ids = redis.call('HGETALL', KEYS[1]), {}
for n = 1, #pages, 2 do
  if tonumber(pages[n + 1]) > now then ids[#ids + 1] = pages[n] end
end
redis.call('DEL', KEYS[1])
return ids
