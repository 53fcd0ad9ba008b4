-- KEYS h j c p   ARGV the id of a parked conversation, none for the running one
if ARGV[1] then
  local parked = redis.call('HGET', KEYS[4], ARGV[1])
  redis.call('HDEL', KEYS[4], ARGV[1])
  return parked and now < tonumber(match(parked, '^%d+ (%d+)')) and 1 or 0
end
local got = redis.call('MGET', KEYS[1], KEYS[3])
local doc = read_head(got[1])
local claim, seen = read_line(got[2])
-- What somebody is at right now is no conversation yet, and does not wait.
local held = is_claimed(claim) and claim.holder or nil
local promised = held and seen[held] and seen[held].message and seen[held].promised
if not doc and not pends(seen, held) and not promised then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
for _, s in pairs(seen) do s.message, s.began = nil, nil end
claim.last = max(claim.last, doc and doc.revision or 0)
free(claim)
save_line(KEYS[3], claim, seen)
return 1
