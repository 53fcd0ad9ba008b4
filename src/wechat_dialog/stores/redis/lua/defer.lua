-- Notes that no request of a message will take its reply; see `Store.defer`.
-- KEYS h j c a   ARGV kept key message name
local got = redis.call('MGET', KEYS[1], KEYS[3], KEYS[4])
local doc, replies = read_head(got[1])
local reply = read_remembered(got[3], replies, ARGV[4])
if reply then return {ANSWERED, take(reply, got[3], ARGV[4], ARGV[2], doc, got[2])} end
local claim, seen = read_line(got[2])
if is_answered(seen, ARGV[2]) then return {ANSWERED, ''} end
local count, total = 0, #ARGV[3]
for key, s in pairs(seen) do
  if s.message and key ~= ARGV[2] then count, total = count + 1, total + #s.message end
end
if ARGV[3] ~= '' and (count >= MESSAGES_KEPT or total > MESSAGES_ROOM) then return {FULL, count} end
local kept = tonumber(ARGV[1])
redis.call('SET', KEYS[4], format('~%.0f\n', now + kept), 'PX', ceil(kept / 1000))
if ARGV[3] == '' then return {DONE} end

-- Without a claim and messages, only the head says which numbers were issued.
claim.last = max(claim.last, doc and doc.revision or 0)
local me = see(seen, ARGV[2])
me.message, me.promised = ARGV[3], true
save_line(claim, seen)
if doc then
  outlive_pending(doc, seen)
  save_head(doc)
end
return {DONE}
