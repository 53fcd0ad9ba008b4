-- KEYS h j c   ARGV fence lease
local got = redis.call('MGET', KEYS[1], KEYS[3])
local claim, seen = read_line(got[2])
if claim.fence ~= tonumber(ARGV[1]) or not is_claimed(claim) then return {LOST} end
claim.until_ = now + tonumber(ARGV[2])
save_line(claim, seen)
outlive_claim(read_head(got[1]), claim)
return {DONE}
