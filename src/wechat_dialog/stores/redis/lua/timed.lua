-- The part of a write that concerns times, conversations aside and the mailbox. It stands before
-- write.lua, after mail.lua.
-- `time` has those of these fields that are needed: wake and account, aside (id document, of each),
-- unaside (ids), taken (numbers), refused (ids), fires (its time, and its `until`). It always has user, and has
-- `apart` if the index is on another server: 2 if that has an entry for `wake` already, else 1.

local UNSAID = 8

local function entry_of(time, wake)
  return format('%.0f:', wake / 1000) .. time.user
end

-- Adds a time to the index before it is set in the head; returns an answer if the caller has to add
-- it. An entry that is leased stays leased if the time is not a new one, or if this is a record of
-- the firing for which it is leased.
local function say_in_index(doc, time, fires)
  if doc and doc.wake == time.wake and doc.account == time.account or time.apart == 2 then
    return nil
  end
  if time.apart == 1 then return {UNSAID, fires and 1 or 0} end
  local entry = entry_of(time, time.wake)
  if not (fires and redis.call('ZSCORE', KEYS[11], entry)) then
    redis.call('ZADD', KEYS[11], format('%.0f', time.wake), entry)
  end
end

-- Removes the entry of a firing that is committed, unless something else is due at its time. A
-- firing that was not begun for a leased entry has added the entry itself, with its record; one that
-- is not leased may also be a signal's, but only if the mailbox is not empty (`mail`).
local function leave_index(time, mail)
  if time.apart then return end
  local fired, leased = entry_of(time, time.fires[1] * 1000), time.fires[2]
  if leased == 0 and not mail then leased = time.fires[1] * 1000 end
  if redis.call('ZSCORE', KEYS[11], fired) ~= format('%.0f', leased) then return end
  if time.wake == time.fires[1] * 1000 then
    redis.call('ZADD', KEYS[11], format('%.0f', time.wake), fired)
  else
    redis.call('ZREM', KEYS[11], fired)
  end
end

-- Changes the times in a document, which the caller saves, and the conversations aside.
local function set_time(doc, time)
  local count = doc.aside or 0
  if count > 0 then
    for _, id in ipairs(time.unaside or {}) do count = count - redis.call('HDEL', KEYS[7], id) end
  end
  if time.aside and count == 0 then redis.call('DEL', KEYS[7]) end
  for _, one in ipairs(time.aside or {}) do
    count = count + redis.call('HSET', KEYS[7], one[1], one[2])
  end
  if time.wake then doc.expires = max(doc.expires, time.wake + WEEK) end
  if not time.wake and count == 0 then
    doc.wake = nil
    return
  end
  doc.wake, doc.account, doc.aside = time.wake or 0, time.account or '', count
  doc.beside = math.min(doc.expires, NEVER) + 3 * DAY
  local kept = ceil((doc.beside - now) / 1000)
  if count > 0 then redis.call('PEXPIRE', KEYS[7], kept) end
  if time.wake then redis.call('SET', KEYS[10], time.account, 'PX', kept) end
end

-- Removes signals that were taken, and the keys that only a document, or only a user, has.
local function keep_mail(doc, claim, time, forgets)
  if not doc then redis.call('DEL', KEYS[7], KEYS[10]) end
  if forgets then redis.call('DEL', KEYS[8], KEYS[9]) end
  if not time.taken then return end
  for _, number in ipairs(time.taken) do redis.call('HDEL', KEYS[8], format('%.0f', number)) end
  for _, id in ipairs(time.refused or {}) do redis.call('ZREM', KEYS[9], id) end
  local left = read_mail(redis.call('HGETALL', KEYS[8]))
  if #left > 0 then
    claim.mail, claim.mail_until = left[#left].number, left.last
  else
    claim.mail, claim.mail_until, claim.read = nil, nil, nil
  end
end
