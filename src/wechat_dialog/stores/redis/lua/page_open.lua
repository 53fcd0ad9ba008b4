-- KEYS w r   ARGV ttl fence
local page = read_page(redis.call('GET', KEYS[1]))
local expires = now + tonumber(ARGV[1])
if page then
  page.expires = math.max(page.expires, expires)
else
  redis.call('DEL', KEYS[2])
  page = {edition = 1, fence = tonumber(ARGV[2]), changed = now, expires = expires, size = 0,
    length = 0}
end
save_page(page)
return 1
