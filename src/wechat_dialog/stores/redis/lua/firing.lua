-- Whom the claim of a turn that no message began gives way to; for claim.lua, before which it
-- stands. The rules are those of core/store/waking.py.

local LEFT_ALONE = 20000000

-- Whether a firing's claim is one that waits where it is refused.
local function stands_in_line(seen, key, arrival)
  return arrival == 1 or seen[key] and seen[key].waits
end

-- The key of the message to which a firing leaves the turn, though nobody holds it; or nil. `first`:
-- when it was first seen, if it stands in line; then those that came later wait for it.
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

-- What the last thing to have happened was the commit of: name or key of a message; '': of none.
local function last_one(doc, claim)
  if claim.was and claim.at == (doc and doc.revision or 0) then return claim.was end
  if not doc then return claim.holder end
  return claim.last <= doc.revision and doc.last or ''
end
