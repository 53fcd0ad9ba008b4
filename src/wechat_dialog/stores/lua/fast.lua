-- A commit without a claim, in the one form that a live dialog's turn has: records are appended,
-- nothing else. The same as write.lua would do, for a third of the server's time; it stands alone,
-- because even the making of functions that are not called costs. So does every argument, and every
-- number that is made a text: hence times as '<when>+<how long>', both as they came.
-- See document.lua for the keys.
-- KEYS h j c a
-- ARGV 'revision max-age deferred write-id ttl remember', the ms after which Redis may drop h, j
--      and a, head, reply, then the records
local match, call = string.match, redis.call
local got = call('MGET', KEYS[1], KEYS[3], KEYS[4])
local text, line, mark = got[1], got[2], got[3]
local expected, limit, knows, write_id, ttl, remember =
  match(ARGV[1], '^(%d+) (%d*) (%d) (%S+) (%d+) (%d+)')

local writer, revision, journal, length, committed, lasts, expires
if text then
  writer, revision, journal, length, committed, lasts, expires =
    match(text, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%+?)(%d+)')
  -- The same write once more: its answer got lost on the wire.
  if writer == write_id then return revision .. ' ' .. journal end
end

local deferred = false
if mark then
  local kind, since, kept, start = match(mark, '^([=~])(%d+)%+?(%d*)\n()')
  if now < since + (tonumber(kept) or 0) then
    if kind == '=' then return {0, string.sub(mark, start)} end
    deferred = true
  end
end

if revision ~= expected or now >= (lasts == '+' and committed or 0) + expires
  or (limit ~= '' and now - committed > tonumber(limit)) then
  return {3}
end
local last = tonumber(revision)
if line then
  local claim, seen = unpack(cmsgpack.unpack(line))
  if claim.fence ~= 0 and now < claim.until_ then return {3} end
  local key = string.sub(KEYS[4], #KEYS[1] + 2)
  for other, s in pairs(seen) do
    if other ~= key and (s.message or s.waits and math.abs(now - s.asked) <= 1000000) then return {3} end
  end
  -- A refusal changes nothing: the message that is put off stays, should this worker die.
  if deferred and knows == '0' then return {4} end
  if claim.last > last then last = claim.last end
  if seen[key] then
    seen[key] = nil
    call('SET', KEYS[3], cmsgpack.pack({claim, seen}), 'PX', 60000)
  end
end
if deferred and knows == '0' then return {4} end

local after = length + #ARGV - 6
if #ARGV > 6 and call('RPUSH', KEYS[2], unpack(ARGV, 7)) ~= after then
  -- Redis was told to evict and took the records: let the head follow.
  call('DEL', KEYS[1], KEYS[2])
  return {3}
end
local number = last < now and stamp or string.format('%.0f', last + 1)
call('SET', KEYS[1], write_id .. ' ' .. number .. ' ' .. journal .. ' ' .. after .. ' ' .. stamp
  .. ' +' .. ttl .. '\n' .. ARGV[5], 'PX', ARGV[2])
if after > 0 then call('PEXPIRE', KEYS[2], ARGV[3]) end
call('SET', KEYS[4], '=' .. stamp .. '+' .. remember .. '\n' .. ARGV[6], 'PX', ARGV[4])
return number .. ' ' .. journal
