-- KEYS h j c   ARGV fence
local claim, seen = read_line(redis.call('GET', KEYS[3]))
if claim.fence == tonumber(ARGV[1]) and claim.fence ~= 0 then
  local s = seen[claim.holder]
  if s then
    s.began = nil
    if not s.promised then s.message = nil end
  end
  free(claim)
  save_line(claim, seen)
end
return {DONE}
