-- KEYS w r   ARGV after
-- Returns edition, length, age, pieces; nothing if the page does not exist.
local page = read_page(redis.call('GET', KEYS[1]))
if not page then return false end
return {page.edition, page.length, now - page.changed,
  redis.call('LRANGE', KEYS[2], math.max(tonumber(ARGV[1]), 0), -1)}
