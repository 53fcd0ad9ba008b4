-- KEYS h j c   ARGV fence
local claim, seen = read_line(redis.call('GET', KEYS[3]))
if claim.fence == tonumber(ARGV[1]) and claim.fence ~= 0 then
  local s = seen[claim.holder]
  if claim.before ~= nil then -- a firing leaves no trace
    local doc = read_head(redis.call('GET', KEYS[1]))
    seen[claim.holder] = nil
    claim.was, claim.at, claim.before = claim.before, doc and doc.revision or 0, nil
  elseif s then
    s.began = nil
    if not s.promised then s.message = nil end
  end
  free(claim)
  save_line(claim, seen)
end
return {DONE}
