-- How a user's keys are read and written. It stands before every script, after clock.lua.
--
--   h      'revision journal length committed expires write-id\n' .. head      (string)
--   j      the records                                                         (list)
--   c      claim     -> 'last fence until caller write-id\n' .. message key
--          s<key>    -> 'first copies asked waits caller'                      (hash)
--   a:key  '=expires\n' .. reply, or '~expires\n' if deferred                  (string)
--   d      the user's data                                                     (string)
--   p      id        -> 'stamp expires\n' .. document                          (hash)
--
-- Whatever expires says so in its value; Redis' own TTLs only clean up behind that. The rules are
-- those of stores/rules.py, which explains them; the words are the same.

local PLACE_KEPT = 1000000
local SEEN_KEPT = 60000000

local match, format, ceil, max = string.match, string.format, math.ceil, math.max

local function read_head(text)
  if not text then return nil end
  local revision, journal, length, committed, expires, write_id, start =
    match(text, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%S*)\n()')
  if now >= tonumber(expires) then return nil end
  return {
    revision = tonumber(revision), journal = tonumber(journal), length = tonumber(length),
    committed = tonumber(committed), expires = tonumber(expires), write_id = write_id,
    head = string.sub(text, start),
  }
end

local function save_head(h, j, doc)
  local ttl = ceil((doc.expires - now) / 1000)
  if ttl < 1 then
    redis.call('DEL', h, j)
    return
  end
  redis.call('SET', h, format('%.0f %.0f %.0f %.0f %.0f %s\n%s', doc.revision, doc.journal,
    doc.length, doc.committed, doc.expires, doc.write_id, doc.head), 'PX', ttl)
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

-- Returns the claim (always a table; fence 0: there is none) and the messages seen, by key.
local function read_line(c)
  local claim = {last = 0, fence = 0, until_ = 0, caller = '-', write_id = '-', holder = ''}
  local seen = {}
  local all = redis.call('HGETALL', c)
  for i = 1, #all, 2 do
    local field, value = all[i], all[i + 1]
    if field == 'claim' then
      local last, fence, until_, caller, write_id, holder =
        match(value, '^(%d+) (%d+) (%d+) (%S+) (%S+)\n(.*)$')
      claim = {
        last = tonumber(last), fence = tonumber(fence), until_ = tonumber(until_),
        caller = caller, write_id = write_id, holder = holder,
      }
    else
      local first, copies, asked, waits, caller = match(value, '^(%d+) (%d+) (%d+) (%d) (%S+)$')
      if tonumber(asked) + SEEN_KEPT <= now then
        redis.call('HDEL', c, field)
      else
        seen[string.sub(field, 2)] = {
          first = tonumber(first), copies = tonumber(copies), asked = tonumber(asked),
          waits = waits == '1', caller = caller,
        }
      end
    end
  end
  claim.stored = #all > 0
  return claim, seen
end

local function save_claim(c, claim)
  redis.call('HSET', c, 'claim', format('%.0f %.0f %.0f %s %s\n%s', claim.last, claim.fence,
    claim.until_, claim.caller, claim.write_id, claim.holder))
  redis.call('PEXPIRE', c, ceil((max(claim.until_ - now, 0) + SEEN_KEPT) / 1000))
end

local function is_claimed(claim)
  return claim.fence ~= 0 and now < claim.until_
end

-- The earliest other message that waits and came before `first` (nil: whenever it came), or nil.
local function first_in_line(seen, key, first)
  local found, name
  for other, s in pairs(seen) do
    if other ~= key and s.waits and now - s.asked <= PLACE_KEPT
      and (not first or s.first < first) and (not found or s.first < found) then
      found, name = s.first, other
    end
  end
  return name
end

-- Returns nil (nothing known), or the reply, or false (deferred).
local function read_mark(text)
  if not text then return nil end
  local kind, expires, start = match(text, '^([=~])(%d+)\n()')
  if now >= tonumber(expires) then return nil end
  if kind == '~' then return false end
  return string.sub(text, start)
end

local function number(doc, claim)
  return max((doc and doc.revision or 0) + 1, claim.last + 1, now)
end

-- The answers, told apart by their first element.
local ANSWERED, RUNNING, DONE, CONFLICT, DEFERRED, LOST = 0, 1, 2, 3, 4, 5
