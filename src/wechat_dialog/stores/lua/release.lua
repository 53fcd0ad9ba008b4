-- KEYS c   ARGV fence
local claim, seen = read_line(redis.call('GET', KEYS[1]))
if claim.fence == tonumber(ARGV[1]) and claim.fence ~= 0 then
  free(claim)
  save_line(KEYS[1], claim, seen)
end
return {DONE}
