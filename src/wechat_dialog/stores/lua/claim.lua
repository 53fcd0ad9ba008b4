-- KEYS h j c a d
-- ARGV lease key caller arrival have.journal have.length, whether a look will do (look.lua, which
--      has read `got`), whether the records are asked for beside the script, message
local h, j, c = KEYS[1], KEYS[2], KEYS[3]
local lease, key, caller = tonumber(ARGV[1]), ARGV[2], ARGV[3]

local mark = read_mark(got[2])
if mark then return {ANSWERED, mark} end

local doc = read_head(got[1])
if doc and redis.call('LLEN', j) ~= doc.length then
  -- Redis was told to evict and took the records: the same as if it had dropped the head too.
  redis.call('DEL', h, j)
  doc = nil
end
local claim, seen = read_line(got[4])
claim.last = max(claim.last, doc and doc.revision or 0)

local me = see(seen, key)
-- A request that asks a second time because the answer got lost on the wire is no second copy.
if (ARGV[4] == '1' and me.caller ~= caller) or me.copies == 0 then
  me.copies = me.copies + 1
  me.caller = caller
end
local since = max(now - me.first, 0)

local holder
-- One that would hold for much longer was granted before the clock was set back.
local held = is_claimed(claim) and claim.until_ - now <= max(2 * lease, 60000000)
local mine = held and claim.caller == caller
if held then
  if not mine then holder = claim.holder end
else
  holder = first_in_line(seen, key, me.first)
end
me.waits = holder ~= nil
if holder then
  save_line(c, claim, seen)
  return {RUNNING, holder, since, me.copies}
end

if not mine then
  if claim.fence ~= 0 then claim.lost = claim.lost + 1 end
  claim.fence = number(doc, claim)
  claim.last = claim.fence
  claim.caller = caller
  claim.holder = key
end
claim.until_ = now + lease
-- The kept messages without an answer whose turns come before this one's: first what began, since
-- part of it may be done, then the rest by arrival.
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
  pending[i] = {one[1], one[2].message}
  one[2].began = one[2].began or claim.fence
end
me.began = me.began or claim.fence
if ARGV[9] ~= '' and not me.message then me.message = ARGV[9] end
save_line(c, claim, seen)
local lasts = doc and doc.expires
if doc then outlive_pending(doc, seen) end
if doc and doc.expires > lasts then save_head(h, j, doc) else outlive_claim(h, j, doc, claim) end

local deferred = mark == false and 1 or 0
local data = got[3] or ''
if not doc then
  return {DONE, claim.fence, 0, 0, 0, 0, deferred, since, me.copies, pending, claim.lost, '', data,
    {}}
end
local start = format('%.0f', doc.journal) == ARGV[5] and ARGV[6] or '0'
local records = ARGV[8] == '1' and {} or redis.call('LRANGE', j, start, -1)
return {DONE, claim.fence, doc.revision, doc.journal, doc.length, max(now - doc.committed, 0),
  deferred, since, me.copies, pending, claim.lost, doc.head, data, records}
