-- KEYS h j c   ARGV fence lease
local claim = read_line(KEYS[3])
if claim.fence ~= tonumber(ARGV[1]) or not is_claimed(claim) then return {LOST} end
claim.until_ = now + tonumber(ARGV[2])
save_claim(KEYS[3], claim)
outlive_claim(KEYS[1], KEYS[2], read_head(redis.call('GET', KEYS[1])), claim)
return {DONE}
