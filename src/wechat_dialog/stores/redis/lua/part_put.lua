-- KEYS h j c s   ARGV fence step part ttl outcome
-- Stores a part of a step, if the claim is the caller's. An empty outcome drops the part.
local claim, seen = read_line(redis.call('GET', KEYS[3]))
if claim.fence ~= tonumber(ARGV[1]) or not is_claimed(claim) then return {LOST} end
local field = ARGV[2] .. '\0' .. ARGV[3]
if ARGV[5] == '' then
  redis.call('HDEL', KEYS[4], field)
else
  local kept = ceil(tonumber(ARGV[4]) / 1000)
  redis.call('HSET', KEYS[4], field,
    format('%.0f %.0f\n', now, now + tonumber(ARGV[4])) .. ARGV[5])
  if redis.call('PTTL', KEYS[4]) < kept then redis.call('PEXPIRE', KEYS[4], kept) end
end
if claim.lost ~= 0 then
  claim.lost = 0
  save_line(claim, seen)
end
return {DONE}
