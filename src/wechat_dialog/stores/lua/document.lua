-- How a user's keys are read and written. It stands before every script, after clock.lua.
--
--   h      'write-id revision journal length committed expires\n' .. head      (string)
--          where expires is a time, or a time after `committed`: '+<how long>'
--   j      the records                                                          (list)
--   c      the claim and the messages seen, as read_line gives them, packed     (string)
--   a:key  '=expires\n' .. reply, or '~expires\n' if deferred                   (string)
--          where expires is a time, or '<when>+<how long>'
--   d      the user's data                                                      (string)
--   p      id -> 'stamp expires\n' .. document                                  (hash)
--
-- (A hash with a field longer than 64 bytes costs 500 more, so the head is in a string.)
-- Whatever expires says so in its value; Redis' own TTLs only clean up behind that. The rules are
-- those of stores/rules.py, which explains them; the words are the same.

-- Bytes are joined with `..`: format's %s would end them at their first NUL.

local PLACE_KEPT = 1000000
local SEEN_KEPT = 60000000
local DEFERRED_KEPT = 86400000000

local match, format, ceil, max = string.match, string.format, math.ceil, math.max

local function read_head(text)
  if not text then return nil end
  local write_id, revision, journal, length, committed, lasts, expires, start =
    match(text, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%+?)(%d+)\n()')
  expires = (lasts == '+' and committed or 0) + expires
  if now >= expires then return nil end
  return {
    revision = tonumber(revision), journal = tonumber(journal), length = tonumber(length),
    committed = tonumber(committed), expires = expires, write_id = write_id,
    head = string.sub(text, start),
  }
end

local function save_head(h, j, doc)
  local ttl = ceil((doc.expires - now) / 1000)
  if ttl < 1 then
    redis.call('DEL', h, j)
    return
  end
  redis.call('SET', h, format('%s %.0f %.0f %.0f %.0f %.0f\n', doc.write_id, doc.revision,
    doc.journal, doc.length, doc.committed, doc.expires) .. doc.head, 'PX', ttl)
  -- The records outlive the head a little, never the other way round.
  if doc.length > 0 then redis.call('PEXPIRE', j, ttl + 1000) end
end

-- A claim holds; and head and journal last at least as long as it does.
local function outlive_claim(h, j, doc, claim)
  if doc and doc.expires < claim.until_ then
    doc.expires = claim.until_
    save_head(h, j, doc)
  end
end

-- When a message that was seen is forgotten.
local function seen_until(s)
  return s.asked + (s.message and DEFERRED_KEPT or SEEN_KEPT)
end

-- Returns the claim (always a table; fence 0: there is none) and the messages seen, by key:
-- {first, copies, asked, waits, caller, message, began, promised}; no message unless it is kept.
local function read_line(text)
  if not text then
    return {last = 0, fence = 0, until_ = 0, lost = 0, caller = '', write_id = '', holder = ''}, {}
  end
  local claim, seen = unpack(cmsgpack.unpack(text))
  claim.lost = claim.lost or 0 -- as an earlier version wrote it
  for key, s in pairs(seen) do
    if seen_until(s) <= now then seen[key] = nil end
  end
  return claim, seen
end

-- What is known of a message that asks, or is deferred.
local function see(seen, key)
  local me = seen[key]
  if not me then
    local latest = 0
    for _, other in pairs(seen) do latest = max(latest, other.first) end
    me = {first = max(now, latest + 1), copies = 0, caller = '', waits = false}
    seen[key] = me
  end
  me.asked = now
  return me
end

-- Head and journal last as long as a message that may be an answer to them.
local function outlive_pending(doc, seen)
  for _, s in pairs(seen) do
    if s.message then doc.expires = max(doc.expires, seen_until(s)) end
  end
end

-- `last` is the greatest number given out, as far as no head says so: once the claim is gone, it
-- is all that keeps them from being given out again.
local function save_line(c, claim, seen)
  if claim.fence == 0 and claim.last == 0 and next(seen) == nil then
    redis.call('DEL', c)
  else
    local expires = now + SEEN_KEPT
    -- A claim that ran out counts as lost when the next one is granted.
    if claim.fence ~= 0 then expires = max(expires, claim.until_ + DEFERRED_KEPT) end
    for _, s in pairs(seen) do expires = max(expires, seen_until(s)) end
    redis.call('SET', c, cmsgpack.pack({claim, seen}), 'PX', ceil((expires - now) / 1000))
  end
end

local function free(claim)
  claim.fence, claim.until_, claim.lost, claim.caller, claim.holder = 0, 0, 0, '', ''
end

local function is_claimed(claim)
  return claim.fence ~= 0 and now < claim.until_
end

-- The earliest other message that waits and came before `first` (nil: whenever it came), or nil.
local function first_in_line(seen, key, first)
  local found, name
  for other, s in pairs(seen) do
    if other ~= key and s.waits and math.abs(now - s.asked) <= PLACE_KEPT
      and (not first or s.first < first) and (not found or s.first < found) then
      found, name = s.first, other
    end
  end
  return name
end

-- Whether a message other than `key` is kept and has no answer.
local function pends(seen, key)
  for other, s in pairs(seen) do
    if s.message and other ~= key then return true end
  end
  return false
end

-- Returns nil (nothing known), or the reply, or false (deferred).
local function read_mark(text)
  if not text then return nil end
  local kind, since, kept, start = match(text, '^([=~])(%d+)%+?(%d*)\n()')
  if now >= since + (tonumber(kept) or 0) then return nil end
  if kind == '~' then return false end
  return string.sub(text, start)
end

local function number(doc, claim)
  return max((doc and doc.revision or 0) + 1, claim.last + 1, now)
end

-- The answers, told apart by their first element.
local ANSWERED, RUNNING, DONE, CONFLICT, DEFERRED, LOST = 0, 1, 2, 3, 4, 5
