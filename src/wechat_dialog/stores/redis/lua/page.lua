-- How a page's keys are read and written. Stands before the scripts of pages, after clock.lua.
-- A page is not in its user's slot: its reader does not know the user, so it has its own hash tag.
--
--   w   'edition fence changed expires size length'   (string)
--   r   its pieces                                    (list)
--
-- The rules are those of core/store/pages.py.

local ROOM = 262144

local match, format, ceil = string.match, string.format, math.ceil

-- Returns the page, or nil.
local function read_page(text)
  if not text then return nil end
  local edition, fence, changed, expires, size, length =
    match(text, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  if now >= tonumber(expires) then return nil end
  return {edition = tonumber(edition), fence = tonumber(fence), changed = tonumber(changed),
    expires = tonumber(expires), size = tonumber(size), length = tonumber(length)}
end

local function save_page(page)
  local kept = ceil((page.expires - now) / 1000)
  redis.call('SET', KEYS[1], format('%.0f %.0f %.0f %.0f %.0f %.0f', page.edition, page.fence,
    page.changed, page.expires, page.size, page.length), 'PX', kept)
  if page.length > 0 then redis.call('PEXPIRE', KEYS[2], kept) end
end
