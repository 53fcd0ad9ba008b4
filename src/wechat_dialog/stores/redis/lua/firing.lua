-- Which messages a firing's claim gives way to (a firing is a turn that no message began). Stands
-- before claim.lua. The rules are those of core/store/waking.py.

local LEFT_ALONE = 20000000

-- Whether a firing waits in the queue if its claim is refused.
local function stands_in_line(seen, key, arrival)
  return arrival == 1 or seen[key] and seen[key].waits
end

-- The key of the message to which a firing leaves the turn although there is no claim; or nil.
-- `first`: when a waiting firing was first seen; it does not wait for messages that came later.
local function in_the_way(claim, seen, key, first)
  local function is_before(other)
    return not first or not seen[other] or seen[other].first < first
  end
  if claim.fence ~= 0 and claim.before == nil and claim.holder ~= key and is_before(claim.holder)
    and claim.until_ <= now and now < claim.until_ + LEFT_ALONE then
    return claim.holder
  end
  local found, name
  for other, s in pairs(seen) do
    if other ~= key and (s.message or s.waits and not first)
      and math.abs(now - s.asked) <= LEFT_ALONE and is_before(other)
      and (not found or s.first < found or s.first == found and other < name) then
      found, name = s.first, other
    end
  end
  return name
end

-- Name or key of the message whose commit was the last event; '' if it was no commit.
local function last_one(doc, claim)
  if claim.was and claim.at == (doc and doc.revision or 0) then return claim.was end
  if not doc then return claim.holder end
  return claim.last <= doc.revision and doc.last or ''
end
