-- A record or a commit.
-- KEYS h j c a d p; no d and p where there are no extras, and no a where it is a record without;
--      that of a record with extras is never looked at
-- ARGV commits fence revision max-age deferred release write-id ttl keep head key reply remember
--      name extras, then eight extras (sets-data data unpark park document ttl most room) if so,
--      then the records;
--      `extras` is '2' where nothing of the user is to be left; `commits` is '2' where no request
--      takes the reply
local commits, untaken = ARGV[1] ~= '0', ARGV[1] == '2'
local fence, write_id = tonumber(ARGV[2]), ARGV[7]
local extras = ARGV[15] ~= '0'

-- Appends ARGV[first] and what follows to the records: most in lots, since a call costs more than
-- what it appends.
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

local doc, replies, line, remembered, text
if commits then
  local got = redis.call('MGET', KEYS[1], KEYS[3], KEYS[4])
  doc, replies = read_head(got[1])
  line, text = got[2], got[3]
  remembered = read_remembered(text, replies, ARGV[14])
else
  local got = redis.call('MGET', KEYS[1], KEYS[3])
  doc, replies = read_head(got[1])
  line = got[2]
end
local claim, seen = read_line(line)

-- The same write once more: its answer got lost on the wire.
if doc and doc.write_id == write_id then return {DONE, doc.revision, doc.journal} end
if not doc and claim.write_id == write_id then return {DONE, 0, 0} end

local whole = not doc or redis.call('LLEN', KEYS[2]) == doc.length
if fence ~= 0 then
  if claim.fence ~= fence or not is_claimed(claim) or not whole then return {LOST} end
else
  if remembered then
    local me = seen[ARGV[11]]
    if me and me.reply then return {CONFLICT} end
    return {ANSWERED, remembered}
  end
  if is_claimed(claim) or not doc or doc.revision ~= tonumber(ARGV[3]) or not whole
    or now - doc.committed > tonumber(ARGV[4])
    or first_in_line(seen, ARGV[11]) or pends(seen, ARGV[11]) then
    return {CONFLICT}
  end
end
if remembered == false and ARGV[5] == '0' then return {DEFERRED} end

if fence ~= 0 then wrote(seen, fence) end
if untaken then
  local me = see(seen, ARGV[11])
  seen[ARGV[11]] = {
    first = me.first, copies = 0, asked = now, caller = '', waits = false, reply = ARGV[12],
  }
elseif commits then
  seen[ARGV[11]] = nil
end
if ARGV[15] == '2' then
  for _, s in pairs(seen) do s.reply = s.reply and '' end
end
if commits then
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
  local first = extras and 24 or 16
  append(first)
  doc.length = kept + #ARGV - first + 1
  if commits then doc.committed = now end
  doc.head = ARGV[10]
  doc.revision = revision
  doc.write_id = write_id
  doc.last = commits and ARGV[14] or NOBODY
  doc.expires = now + tonumber(ARGV[8])
  outlive_pending(doc, seen)
  if keeps_claim and doc.expires < claim.until_ then doc.expires = claim.until_ end
  save_head(doc)
end

if line or untaken or not doc then
  if fence ~= 0 then claim.lost = 0 end
  if fence ~= 0 and commits and not keeps_claim then free(claim) end
  if doc then
    claim.last = claim.fence
  elseif commits and claim.fence == 0 then
    claim.holder = ARGV[11]
  end
  save_line(claim, seen)
end

local dropped = {}
if extras then
  if ARGV[15] == '2' then redis.call('DEL', KEYS[5], KEYS[6]) end
  if ARGV[16] == '1' then
    if ARGV[17] == '' then
      redis.call('DEL', KEYS[5])
    else
      redis.call('SET', KEYS[5], ARGV[17])
    end
  end
  if ARGV[18] ~= '' then redis.call('HDEL', KEYS[6], ARGV[18]) end
  if ARGV[19] ~= '' then
    local parked, kept = redis.call('HGETALL', KEYS[6]), {}
    local total = #ARGV[20]
    for i = 1, #parked, 2 do
      local since, expires, start = match(parked[i + 1], '^(%d+) (%d+)\n()')
      if now >= tonumber(expires) then
        redis.call('HDEL', KEYS[6], parked[i])
      elseif parked[i] ~= ARGV[19] then
        local size = #parked[i + 1] - start + 1
        kept[#kept + 1] = {id = parked[i], stamp = tonumber(since), size = size}
        total = total + size
      end
    end
    table.sort(kept, function(one, other) return one.stamp < other.stamp end)
    local count, most, room = #kept + 1, tonumber(ARGV[22]), tonumber(ARGV[23])
    for _, one in ipairs(kept) do
      if count <= most and total <= room then break end
      redis.call('HDEL', KEYS[6], one.id)
      dropped[#dropped + 1] = one.id
      count, total = count - 1, total - one.size
    end
    local ttl = tonumber(ARGV[21])
    redis.call('HSET', KEYS[6], ARGV[19], format('%.0f %.0f\n', revision, now + ttl) .. ARGV[20])
    ttl = max(ceil(ttl / 1000), 1)
    if redis.call('PTTL', KEYS[6]) < ttl then redis.call('PEXPIRE', KEYS[6], ttl) end
  end
end
if not doc then return {DONE, 0, 0, dropped} end
return {DONE, doc.revision, doc.journal, dropped}
