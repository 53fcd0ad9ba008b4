-- A record or a commit.
-- KEYS h j c, a if it is a commit, d p if there are extras
-- ARGV commits fence revision max-age deferred release write-id ttl keep head key reply remember
--      extras, then six extras (sets-data data unpark park document ttl) if so, then the records
local h, j, c = KEYS[1], KEYS[2], KEYS[3]
local commits = ARGV[1] == '1'
local fence, write_id = tonumber(ARGV[2]), ARGV[7]
local extras = ARGV[14] == '1'

local doc, line, mark
if commits then
  local got = redis.call('MGET', h, c, KEYS[4])
  doc, line, mark = read_head(got[1]), got[2], read_mark(got[3])
else
  local got = redis.call('MGET', h, c)
  doc, line = read_head(got[1]), got[2]
end
local claim, seen = read_line(line)

-- The same write once more: its answer got lost on the wire.
if doc and doc.write_id == write_id then return {DONE, doc.revision, doc.journal} end
if not doc and claim.write_id == write_id then return {DONE, 0, 0} end

local whole = not doc or redis.call('LLEN', j) == doc.length
if fence ~= 0 then
  if claim.fence ~= fence or not is_claimed(claim) or not whole then return {LOST} end
else
  if mark then return {ANSWERED, mark} end
  if is_claimed(claim) or not doc or doc.revision ~= tonumber(ARGV[3]) or not whole
    or (ARGV[4] ~= '' and now - doc.committed > tonumber(ARGV[4]))
    or first_in_line(seen, ARGV[11]) or pends(seen, ARGV[11]) then
    return {CONFLICT}
  end
end
if mark == false and ARGV[5] == '0' then return {DEFERRED} end

if commits then seen[ARGV[11]] = nil end
local revision = number(doc, claim)
local keeps_claim = fence ~= 0 and (not commits or ARGV[6] == '0')
if ARGV[10] == '' then
  if doc then redis.call('DEL', h, j) end
  doc = nil
  claim.last = revision
  claim.write_id = write_id
else
  if not doc then
    redis.call('DEL', j)
    doc = {journal = revision, length = 0, committed = now}
  end
  local kept = ARGV[9] == '' and doc.length or math.min(tonumber(ARGV[9]), doc.length)
  if kept < doc.length then
    doc.journal = revision
    if kept == 0 then redis.call('DEL', j) else redis.call('LTRIM', j, 0, kept - 1) end
  end
  local first = extras and 21 or 15
  for i = first, #ARGV, 4000 do
    redis.call('RPUSH', j, unpack(ARGV, i, math.min(i + 3999, #ARGV)))
  end
  doc.length = kept + #ARGV - first + 1
  if commits then doc.committed = now end
  doc.head = ARGV[10]
  doc.revision = revision
  doc.write_id = write_id
  doc.expires = now + tonumber(ARGV[8])
  outlive_pending(doc, seen)
  if keeps_claim and doc.expires < claim.until_ then doc.expires = claim.until_ end
  save_head(h, j, doc)
end

if commits then
  local remember = tonumber(ARGV[13])
  if remember > 0 then
    redis.call('SET', KEYS[4], format('=%.0f\n', now + remember) .. ARGV[12], 'PX',
      ceil(remember / 1000))
  else
    redis.call('DEL', KEYS[4])
  end
end
if line or not doc then
  if fence ~= 0 then claim.lost = 0 end
  if fence ~= 0 and commits and not keeps_claim then free(claim) end
  if doc then claim.last = claim.fence end
  save_line(c, claim, seen)
end

if extras then
  local d, p = KEYS[#KEYS - 1], KEYS[#KEYS]
  if ARGV[15] == '1' then
    if ARGV[16] == '' then redis.call('DEL', d) else redis.call('SET', d, ARGV[16]) end
  end
  if ARGV[17] ~= '' then redis.call('HDEL', p, ARGV[17]) end
  if ARGV[18] ~= '' then
    local parked = redis.call('HGETALL', p)
    for i = 1, #parked, 2 do
      if now >= tonumber(match(parked[i + 1], '^%d+ (%d+)')) then
        redis.call('HDEL', p, parked[i])
      end
    end
    local ttl = tonumber(ARGV[20])
    redis.call('HSET', p, ARGV[18], format('%.0f %.0f\n', revision, now + ttl) .. ARGV[19])
    ttl = max(ceil(ttl / 1000), 1)
    if redis.call('PTTL', p) < ttl then redis.call('PEXPIRE', p, ttl) end
  end
end
if not doc then return {DONE, 0, 0} end
return {DONE, doc.revision, doc.journal}
