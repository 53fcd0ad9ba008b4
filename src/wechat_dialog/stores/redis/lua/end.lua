-- Drops a conversation. Returns 1 if it existed, otherwise 0.
-- KEYS h j c p b   ARGV the id of one that is parked or aside; nothing for the running one
if ARGV[1] then
  local parked = redis.call('HGET', KEYS[4], ARGV[1])
  redis.call('HDEL', KEYS[4], ARGV[1])
  local doc = read_head(redis.call('GET', KEYS[1]))
  if doc and (doc.aside or 0) > 0 and redis.call('HDEL', KEYS[5], ARGV[1]) == 1 then
    doc.aside = doc.aside - 1
    if doc.aside == 0 and doc.wake == 0 then doc.wake = nil end
    save_head(doc)
    return 1
  end
  return parked and now < tonumber(match(parked, '^%d+ (%d+)')) and 1 or 0
end
local got = redis.call('MGET', KEYS[1], KEYS[3])
local doc, replies = read_head(got[1])
local claim, seen = read_line(got[2])
-- A message whose turn is in progress is not a conversation, and is not pending.
local held = is_claimed(claim) and claim.holder or nil
local promised = held and seen[held] and is_pending(seen[held]) and seen[held].promised
if not doc and not pends(seen, held) and not promised then return 0 end
redis.call('DEL', KEYS[2], KEYS[5])
drop_head(replies)
for _, s in pairs(seen) do
  s.reply = s.reply and ''
  if s.message and s.began then s.reply, s.asked, s.waits = '', now, false end
  s.message, s.began = nil, nil
end
claim.last = max(claim.last, doc and doc.revision or 0)
free(claim)
claim.before, claim.was = nil, nil
save_line(claim, seen)
return 1
