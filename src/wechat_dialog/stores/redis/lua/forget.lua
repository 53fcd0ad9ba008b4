-- KEYS h j c d p b t m i, then the a of each message that has no answer, as far as the caller knows
-- ARGV for how long it is remembered which messages were answered, in µs; the keys of those messages
-- Returns 1 if there was anything, 0 if not. If other messages have no answer either, it changes
-- nothing and returns the keys of all that have none: the caller calls again with these.
local got = redis.call('MGET', KEYS[1], KEYS[3])
local doc, replies = read_head(got[1])
local claim, seen = read_line(got[2])
local there = doc ~= nil or next(seen) ~= nil or redis.call('EXISTS', KEYS[4]) == 1
-- Otherwise a worker that has one of these in hand, or waiting, would begin again with it.
if claim.fence ~= 0 then seen[claim.holder] = true end
local known, unanswered = {}, {}
for i = 2, #ARGV do known[ARGV[i]] = true end
local remember = tonumber(ARGV[1])
local complete = true
for key in pairs(seen) do
  unanswered[#unanswered + 1] = key
  complete = complete and known[key]
end
if not complete then return unanswered end

for _, parked in ipairs(redis.call('HVALS', KEYS[5])) do
  if now < tonumber(match(parked, '^%d+ (%d+)')) then there = true end
end
there = there or #read_mail(redis.call('HGETALL', KEYS[8])) > 0
redis.call('DEL', KEYS[2], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9])
-- Earlier messages have no effect later: what is remembered is that they were answered.
local left = {}
for name, since, reply in each(replies) do
  there = there or reply ~= ''
  since = math.min(since + replies.span - remember, now)
  left[#left + 1] = struct.pack(REPLY, name, since, 0)
end
replies.text, replies.span = table.concat(left), remember
drop_head(replies)
-- Copies of a message learn that it was answered, with an empty reply. stores/redis/scripts.py
-- repeats this line for each of the caller's messages, with KEYS[11] for the next, and so on.
redis.call('SET', KEYS[10], format('=%.0f\n', now + remember), 'PX', ceil(remember / 1000))

-- No turn that has looked at the user's data without a claim can be committed any more.
claim.last = number(doc, claim)
free(claim)
claim.before, claim.was = nil, nil
claim.mail, claim.mail_until, claim.read, claim.posted = nil, nil, nil, nil
save_line(claim, {})
return there and 1 or 0
