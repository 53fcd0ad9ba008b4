-- A record or a commit.
-- KEYS h j c a d p b m i t, the index, s
--      Without extras: no d and the following; if the extras have no time and no steps: nothing
--      after p; for a record without extras: no a (for one with extras, a is not used).
-- ARGV commits fence revision max-age flags release write-id ttl keep head key reply remember
--      name extras, then the records
--      For revision, max-age and flags see fast.lua.
--      `commits` is '2' if no request takes the reply. The extras are packed and have only what is
--      to be done: data, park (id document ttl most room, of each), unpark (ids), forget, ended
--      (steps), and time, for timed.lua.
local commits, untaken = ARGV[1] ~= '0', ARGV[1] == '2'
local fence, write_id = tonumber(ARGV[2]), ARGV[7]
local extras = ARGV[15] ~= '0' and cmsgpack.unpack(ARGV[15])
local time = extras and extras.time
local fires = time and time.fires

-- Appends ARGV[first] and the following to the records, several in a call, since a call costs more
-- than a record in it.
local function append(first)
  local i, last = first, #ARGV
  while i + 7 <= last do
    redis.call('RPUSH', KEYS[2], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4],
      ARGV[i + 5], ARGV[i + 6], ARGV[i + 7])
    i = i + 8
  end
  while i < last do
    redis.call('RPUSH', KEYS[2], ARGV[i], ARGV[i + 1])
    i = i + 2
  end
  if i == last then redis.call('RPUSH', KEYS[2], ARGV[i]) end
end

-- Drops the parts of steps that have ended.
local function drop_parts(steps)
  for _, field in ipairs(redis.call('HKEYS', KEYS[12])) do
    for _, step in ipairs(steps) do
      if string.sub(field, 1, #step + 1) == step .. '\0' then redis.call('HDEL', KEYS[12], field) end
    end
  end
end

-- Parks a conversation; adds the ids of those that are dropped for it to a list.
local park = extras and extras.park and function(one, stamp, dropped)
  local parked, kept = redis.call('HGETALL', KEYS[6]), {}
  local total = #one.document
  for i = 1, #parked, 2 do
    local since, expires, start = match(parked[i + 1], '^(%d+) (%d+)\n()')
    if now >= tonumber(expires) then
      redis.call('HDEL', KEYS[6], parked[i])
    elseif parked[i] ~= one.id then
      local size = #parked[i + 1] - start + 1
      kept[#kept + 1] = {id = parked[i], stamp = tonumber(since), size = size}
      total = total + size
    end
  end
  -- All those of one write have the same stamp.
  table.sort(kept, function(one, other)
    return one.stamp < other.stamp or one.stamp == other.stamp and one.id < other.id
  end)
  local count = #kept + 1
  for _, other in ipairs(kept) do
    if count <= one.most and total <= one.room then break end
    redis.call('HDEL', KEYS[6], other.id)
    dropped[#dropped + 1] = other.id
    count, total = count - 1, total - other.size
  end
  redis.call('HSET', KEYS[6], one.id, format('%.0f %.0f\n', stamp, now + one.ttl) .. one.document)
  local ttl = max(ceil(one.ttl / 1000), 1)
  if redis.call('PTTL', KEYS[6]) < ttl then redis.call('PEXPIRE', KEYS[6], ttl) end
end

local doc, replies, line, remembered, text, stored
if commits then
  local got = redis.call('MGET', KEYS[1], KEYS[3], KEYS[4])
  doc, replies = read_head(got[1])
  stored, line, text = got[1], got[2], got[3]
  remembered = read_remembered(text, replies, ARGV[14])
else
  local got = redis.call('MGET', KEYS[1], KEYS[3])
  doc, replies = read_head(got[1])
  line = got[2]
end
local claim, seen = read_line(line)

-- The answer for a write that is done. Its last element is 1 if a signal came after the claim.
local function done(doc, dropped)
  local mail = claim.mail and claim.mail > (claim.told or 0) and 1 or nil
  return {DONE, doc and doc.revision or 0, doc and doc.journal or 0, dropped, mail}
end

-- The same write again: its answer was lost on the wire.
if doc and doc.write_id == write_id then return done(doc, {}) end
if not doc and claim.write_id == write_id then return done(nil, {}) end

local whole = not doc or redis.call('LLEN', KEYS[2]) == doc.length
if fence ~= 0 then
  if claim.fence ~= fence or not is_claimed(claim) or not whole then return {LOST} end
else
  if remembered then
    if seen[ARGV[11]] then return {CONFLICT} end
    return {ANSWERED, remembered}
  end
  if is_claimed(claim) or claim.mail
    or first_in_line(seen, ARGV[11]) or pends(seen, ARGV[11]) or is_answered(seen, ARGV[11]) then
    return {CONFLICT}
  elseif ARGV[5] > '1' then
    local gone = not stored or string.byte(stored) == 9 and struct.unpack('>I8', stored, 8) == 0
    if not gone or claim.last ~= tonumber(ARGV[3]) or now > tonumber(ARGV[4])
      or time and time.wake then return {CONFLICT} end
  elseif not doc or doc.revision ~= tonumber(ARGV[3]) or not whole
    or now - doc.committed > tonumber(ARGV[4])
    or time and time.wake and ((doc.wake or 0) == 0 or time.wake < doc.wake) then
    return {CONFLICT}
  end
end
if remembered == false and ARGV[5] % 2 == 0 then return {DEFERRED} end

local forgets = extras and extras.forget
local is_aside = doc and doc.aside and doc.aside > 0
if not time then
  -- Conversations aside are dropped with the head, and kept as long; the mailbox with the user.
  if is_aside and (ARGV[10] == '' or now + tonumber(ARGV[8]) + DAY > doc.beside)
    or forgets and (is_aside or claim.mail or claim.posted) then return {TIMED} end
elseif fence ~= 0 and time.wake then
  local unsaid = say_in_index(doc, time, not commits and claim.before ~= nil)
  if unsaid then return unsaid end
end

if fence ~= 0 then
  wrote(seen, fence)
  if fires then
    claim.read = claim.mail and claim.told
  elseif commits and claim.before ~= nil then
    claim.before = ARGV[14]
  end
end
if untaken then
  local me = see(seen, ARGV[11])
  seen[ARGV[11]] = {
    first = me.first, copies = 0, asked = now, caller = '', waits = false, reply = ARGV[12],
  }
elseif commits then
  seen[ARGV[11]] = nil
end
if forgets then
  for _, s in pairs(seen) do s.reply = s.reply and '' end
  claim.mail, claim.mail_until, claim.read, claim.posted = nil, nil, nil, nil
end
if commits and not fires then
  local remember = tonumber(ARGV[13])
  if remember == 0 then
    forget_reply(replies, ARGV[14])
  elseif not remember_reply(replies, ARGV[14], ARGV[12], remember) then
    redis.call('SET', KEYS[4], format('=%.0f+%.0f\n', now, remember) .. ARGV[12], 'PX',
      ceil(remember / 1000))
    text = nil
  end
  if text then redis.call('DEL', KEYS[4]) end
end
local revision = number(doc, claim)
local keeps_claim = fence ~= 0 and (not commits or ARGV[6] == '0')
if ARGV[10] == '' then
  if doc then redis.call('DEL', KEYS[2]) end
  drop_head(replies)
  doc = nil
  claim.last = revision
  claim.write_id = write_id
else
  if not doc then
    redis.call('DEL', KEYS[2])
    doc = {journal = revision, length = 0, committed = now, replies = replies}
  end
  local kept = ARGV[9] == '' and doc.length or math.min(tonumber(ARGV[9]), doc.length)
  if kept < doc.length then
    doc.journal = revision
    if kept == 0 then redis.call('DEL', KEYS[2]) else redis.call('LTRIM', KEYS[2], 0, kept - 1) end
  end
  append(16)
  doc.length = kept + #ARGV - 15
  if commits and not fires then doc.committed = now end
  doc.head = ARGV[10]
  doc.revision = revision
  doc.write_id = write_id
  doc.last = commits and not fires and ARGV[14] or NOBODY
  doc.expires = now + tonumber(ARGV[8])
  outlive_pending(doc, seen)
  if keeps_claim and doc.expires < claim.until_ then doc.expires = claim.until_ end
  if time then
    set_time(doc, time)
  elseif is_aside then
    doc.wake = 0
  else
    doc.wake = nil
  end
  save_head(doc)
end
if time then keep_mail(doc, claim, time, forgets) end

if line or untaken or not doc then
  if fence ~= 0 then claim.lost = 0 end
  if fence ~= 0 and commits and not keeps_claim then free(claim) end
  if doc then
    claim.last = claim.fence
  elseif commits and claim.fence == 0 then
    claim.holder = ARGV[11]
  end
  if commits and claim.fence == 0 then
    claim.was, claim.at, claim.before = claim.before, doc and doc.revision or 0, nil
    if claim.was == nil then claim.at = nil end
  end
  save_line(claim, seen)
end

local dropped = {}
if extras then
  if forgets then redis.call('DEL', KEYS[5], KEYS[6]) end
  if extras.data == '' then
    redis.call('DEL', KEYS[5])
  elseif extras.data then
    redis.call('SET', KEYS[5], extras.data)
  end
  if extras.ended then drop_parts(extras.ended) end
  for _, id in ipairs(extras.unpark or {}) do redis.call('HDEL', KEYS[6], id) end
  for _, one in ipairs(extras.park or {}) do
    park({id = one[1], document = one[2], ttl = one[3], most = one[4], room = one[5]}, revision,
      dropped)
  end
end
if fires then leave_index(time, claim.mail) end
return done(doc, dropped)
