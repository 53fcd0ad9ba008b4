-- Grants a claim, or says why not. look.lua stands before it and has read `got`.
-- KEYS h j c a d; with a third argument also b m, and then it needs mail.lua and firing.lua
-- ARGV 1: packed: the message's name in h, optimistic, whether LRANGE is sent beside the script,
--         lease, arrival, have.journal, have.length, instead, caller, have.last (NULs: none);
--         then the message's key
--      2: the message to keep
--      3: '1' for a firing, '0' for a message whose user has signals or conversations aside
local lease, arrival, have_journal, have_length, instead, caller, have_last, key_start =
  struct.unpack('>I8I1I8I8I8c6c8', ARGV[1], question)
local key = string.sub(ARGV[1], key_start)

local doc, replies = read_head(got[1])
local remembered = read_remembered(got[2], replies, name)
if remembered then
  return {ANSWERED, take(remembered, got[2], name, key, doc, got[4], caller)}
end

if doc and redis.call('LLEN', KEYS[2]) ~= doc.length then
  -- Redis has evicted the records: as if it had evicted the head, too.
  redis.call('DEL', KEYS[2])
  drop_head(replies)
  doc = nil
end
local claim, seen = read_line(got[4])
if ARGV[3] ~= '1' and is_answered(seen, key) then return {ANSWERED, ''} end
if not ARGV[3] and (claim.mail or doc and doc.aside and doc.aside > 0) then return {TIMED} end
claim.last = max(claim.last, doc and doc.revision or 0)
local signals, aside, firing
if ARGV[3] then
  firing, aside = ARGV[3] == '1', {}
  signals = read_mail(redis.call('HGETALL', KEYS[7]))
  if not claim.mail and #signals > 0 then -- an earlier version dropped the field
    claim.mail, claim.mail_until = signals[#signals].number, signals.last
    claim.posted = max(claim.posted or 0, signals.last)
  end
  if doc and (doc.aside or 0) > 0 then aside = redis.call('HGETALL', KEYS[6]) end
end

-- A claim that would hold for much longer was granted before the clock was set back.
local held = is_claimed(claim) and claim.until_ - now <= max(2 * lease, 60000000)
local mine = held and claim.caller == caller
local replaced = instead ~= 0 and claim.fence == instead
if firing and not (mine or replaced) and not stands_in_line(seen, key, arrival) then
  local busy = held and claim.holder or in_the_way(claim, seen, key)
  if busy then return {RUNNING, busy, 0, 1} end
end

local me = see(seen, key)
local known = me.copies > 0
-- A request that is repeated because its answer was lost on the wire is no second copy.
if (arrival == 1 and me.caller ~= caller) or me.copies == 0 then
  me.copies = me.copies + 1
  me.caller = caller
end
-- Never 0 for one that is known, though the clock was set back: the turn would end as forgotten.
local since = max(now - me.first, known and now < me.first and 1 or 0)

local holder
if replaced then
  holder = nil
elseif held then
  if not mine then holder = claim.holder end
else
  holder = first_in_line(seen, key, me.first)
  if firing and not holder then holder = in_the_way(claim, seen, key, me.first) end
end
me.waits = holder ~= nil
if holder then
  save_line(claim, seen)
  return {RUNNING, holder, since, me.copies}
end

if not mine then
  if claim.fence ~= 0 and not replaced then claim.lost = claim.lost + 1 end
  if not firing then
    claim.before, claim.was = nil, nil
  elseif not replaced or claim.before == nil then
    claim.before = claim.fence == 0 and last_one(doc, claim) or ''
  end
  claim.told = claim.mail
  claim.fence = max(number(doc, claim), me.first)
  claim.last = claim.fence
  claim.caller = caller
  claim.holder = key
end
claim.until_ = now + lease
-- The kept messages whose turns come before this one's: first those whose turns began, since part
-- of them may be done, then the others, by arrival.
local function sooner(one, other)
  if not one.began ~= not other.began then return one.began end
  if one.began ~= other.began then return one.began < other.began end
  return one.first < other.first
end
local found, pending = {}, {}
for other, s in pairs(seen) do
  if s.message and other ~= key and sooner(s, me) then found[#found + 1] = {other, s} end
end
table.sort(found, function(one, other) return sooner(one[2], other[2]) end)
for i, one in ipairs(found) do
  pending[i] = {one[1], one[2].message, max(now - one[2].first, 0)}
  one[2].began = one[2].began or claim.fence
end
me.began = me.began or claim.fence
local untaken = {}
for other, s in pairs(seen) do
  if s.reply and s.reply ~= '' and other ~= key and not firing then untaken[#untaken + 1] = s end
end
table.sort(untaken, function(one, other) return one.first < other.first end)
for i, s in ipairs(untaken) do
  s.told = claim.fence
  untaken[i] = s.reply
end
if ARGV[2] ~= '' and not me.message then me.message = ARGV[2] end
save_line(claim, seen)
local lasts = doc and doc.expires
if doc then outlive_pending(doc, seen) end
if aside and #aside > 0 and doc.beside < max(doc.expires, claim.until_) + DAY then
  doc.expires = max(doc.expires, claim.until_)
  doc.beside = doc.expires + 3 * DAY
  redis.call('PEXPIRE', KEYS[6], ceil((doc.beside - now) / 1000))
  lasts = 0
end
if doc and doc.expires > lasts then save_head(doc) else outlive_claim(doc, claim) end

local deferred = remembered == false and 1 or 0
local data = got[3] or ''
if not doc then
  return {DONE, claim.fence, 0, 0, 0, 0, deferred, since, me.copies, pending, claim.lost, '', data,
    {}, untaken, signals and flat(signals)}
end
local start = doc.journal == have_journal and have_length or 0
if start > doc.length then
  start = 0
elseif start > 0 and have_last ~= '\0\0\0\0\0\0\0\0' then
  local last = redis.sha1hex(redis.call('LINDEX', KEYS[2], start - 1))
  if string.sub(last, 1, 8) ~= have_last then start = 0 end
end
local records = beside == 1 and {} or redis.call('LRANGE', KEYS[2], start, -1)
return {DONE, claim.fence, doc.revision, doc.journal, doc.length, max(now - doc.committed, 0),
  deferred, since, me.copies, pending, claim.lost, doc.head, data, records,
  untaken, signals and flat(signals), aside}
