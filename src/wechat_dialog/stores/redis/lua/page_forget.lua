-- KEYS g
-- Removes the list of a user's pages, and returns their ids: the caller drops the pages.
local pages, ids = redis.call('HGETALL', KEYS[1]), {}
for n = 1, #pages, 2 do
  if tonumber(pages[n + 1]) > now then ids[#ids + 1] = pages[n] end
end
redis.call('DEL', KEYS[1])
return ids
