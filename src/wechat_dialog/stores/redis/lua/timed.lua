-- What a write says of time, of what is aside and of the mailbox; for write.lua, before which it
-- stands, after mail.lua.
-- Of `time` is there what there is of it: wake and account, aside (id document, of each), unaside
-- (ids), taken (numbers), fires (when it was due, and until when it was leased); then user; and
-- `apart`, where the index is on another server: 1, or 2 where it knows of `wake` already.

local UNSAID = 8

local function entry_of(time, wake)
  return format('%.0f:', wake / 1000) .. time.user
end

-- Has the index know of a time before it is set; returns an answer if that is the caller's to do.
-- One that is leased stays so as long as nothing else is due.
local function say_in_index(doc, time)
  if doc and doc.wake == time.wake and doc.account == time.account or time.apart == 2 then
    return nil
  end
  if time.apart == 1 then return {UNSAID} end
  redis.call('ZADD', KEYS[11], format('%.0f', time.wake), entry_of(time, time.wake))
end

-- After a firing's commit that very entry leaves the index, if no more is due at the same time.
local function leave_index(time)
  if time.apart then return end
  local fired = entry_of(time, time.fires[1] * 1000)
  if redis.call('ZSCORE', KEYS[11], fired) ~= format('%.0f', time.fires[2]) then return end
  if time.wake == time.fires[1] * 1000 then
    redis.call('ZADD', KEYS[11], format('%.0f', time.wake), fired)
  else
    redis.call('ZREM', KEYS[11], fired)
  end
end

-- Changes a document, which is to be saved after, and what is aside of it.
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

-- Takes signals out of the mailbox; and what no document has, or nobody.
local function keep_mail(doc, claim, time, forgets)
  if not doc then redis.call('DEL', KEYS[7], KEYS[10]) end
  if forgets then redis.call('DEL', KEYS[8], KEYS[9]) end
  if not time.taken then return end
  for _, number in ipairs(time.taken) do redis.call('HDEL', KEYS[8], format('%.0f', number)) end
  local left = read_mail(redis.call('HGETALL', KEYS[8]))
  if #left > 0 then
    claim.mail, claim.mail_until = left[#left].number, left.last
  else
    claim.mail, claim.mail_until, claim.read = nil, nil, nil
  end
end
