-- KEYS w r   ARGV place ttl fence, then the pieces
-- Returns 1 if it was written, 0 if not, 2 if a newer claim has written to the page.
local page = read_page(redis.call('GET', KEYS[1]))
local place, fence = tonumber(ARGV[1]), tonumber(ARGV[3])
if not page or place > page.length then return 0 end
if fence < page.fence then return 2 end
local there, same = redis.call('LRANGE', KEYS[2], place, -1), 0
while there[same + 1] and there[same + 1] == ARGV[same + 4] do same = same + 1 end
local size = page.size
if ARGV[same + 4] then
  for n = same + 1, #there do size = size - #there[n] end
  for n = same + 4, #ARGV do size = size + #ARGV[n] end
  if size > ROOM then return 0 end
  if same < #there then
    page.edition = page.edition + 1
    if place + same > 0 then
      redis.call('LTRIM', KEYS[2], 0, place + same - 1)
    else
      redis.call('DEL', KEYS[2])
    end
  end
  for n = same + 4, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[n]) end
  page.size, page.length, page.changed = size, place + #ARGV - 3, now
end
page.fence, page.expires = fence, now + tonumber(ARGV[2])
save_page(page)
return 1
