-- KEYS h j c p   ARGV the id of a parked conversation, none for the running one
if ARGV[1] then
  local parked = redis.call('HGET', KEYS[4], ARGV[1])
  redis.call('HDEL', KEYS[4], ARGV[1])
  return parked and now < tonumber(match(parked, '^%d+ (%d+)')) and 1 or 0
end
local doc = read_head(redis.call('GET', KEYS[1]))
if not doc then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
local claim = read_line(KEYS[3])
claim.last = max(claim.last, doc.revision)
claim.fence, claim.until_, claim.holder = 0, 0, ''
save_claim(KEYS[3], claim)
return 1
