-- KEYS h j c a   ARGV kept key message
local mark = read_mark(redis.call('GET', KEYS[4]))
if mark then return {ANSWERED, mark} end
local kept = tonumber(ARGV[1])
redis.call('SET', KEYS[4], format('~%.0f\n', now + kept), 'PX', ceil(kept / 1000))
if ARGV[3] == '' then return {DONE} end

local got = redis.call('MGET', KEYS[1], KEYS[3])
local doc = read_head(got[1])
local claim, seen = read_line(got[2])
-- Once nothing is claimed or seen, the head alone says which numbers were given out.
claim.last = max(claim.last, doc and doc.revision or 0)
local me = see(seen, ARGV[2])
me.message, me.promised = ARGV[3], true
save_line(KEYS[3], claim, seen)
if doc then
  outlive_pending(doc, seen)
  save_head(KEYS[1], KEYS[2], doc)
end
return {DONE}
