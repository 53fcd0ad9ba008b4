-- Notes that a reply was not taken; see `Store.untaken`.
-- KEYS h j c a   ARGV key takes name
local got = redis.call('MGET', KEYS[1], KEYS[3], KEYS[4])
local doc, replies = read_head(got[1])
local claim, seen = read_line(got[2])
local remembered, key = read_remembered(got[3], replies, ARGV[3]), ARGV[1]
local took = seen[key] and seen[key].copies or 0
if remembered and remembered ~= '' and took == tonumber(ARGV[2])
  and was_last(got[3], ARGV[3], key, doc, claim) then
  claim.last = max(claim.last, doc and doc.revision or 0)
  local me = see(seen, key)
  me.reply, me.copies, me.caller = remembered, 0, ''
  save_line(claim, seen)
  if doc then
    outlive_pending(doc, seen)
    save_head(doc)
  end
end
return {DONE}
