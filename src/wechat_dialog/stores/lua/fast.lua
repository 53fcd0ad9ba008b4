-- A commit without a claim, in the one form that a live dialog's turn has: records are appended,
-- nothing else. The same as write.lua would do, in a third of the time; it stands alone, because
-- even the making of functions that are not called costs. See document.lua for the keys.
-- KEYS h j c a   ARGV revision max-age deferred write-id ttl head reply remember, then the records
local got = redis.call('MGET', KEYS[1], KEYS[3], KEYS[4])
local text, line, mark = got[1], got[2], got[3]

if text and string.sub(text, 1, #ARGV[4]) == ARGV[4] then
  local revision, journal = string.match(text, '^%S+ (%d+) (%d+)')
  return {2, tonumber(revision), tonumber(journal)}
end

local deferred = false
if mark then
  local kind, expires, start = string.match(mark, '^([=~])(%d+)\n()')
  if now < tonumber(expires) then
    if kind == '=' then return {0, string.sub(mark, start)} end
    deferred = true
  end
end

if not text then return {3} end
local revision, journal, length, committed, expires =
  string.match(text, '^%S+ (%d+) (%d+) (%d+) (%d+) (%d+)')
if revision ~= ARGV[1] or now >= tonumber(expires)
  or (ARGV[2] ~= '' and now - committed > tonumber(ARGV[2])) then
  return {3}
end
local last = tonumber(revision)
if line then
  local claim, seen = unpack(cmsgpack.unpack(line))
  if claim.fence ~= 0 and now < claim.until_ then return {3} end
  local key = string.sub(KEYS[4], #KEYS[1] + 2)
  for other, s in pairs(seen) do
    if other ~= key and (s.message or s.waits and now - s.asked <= 1000000) then return {3} end
  end
  if claim.last > last then last = claim.last end
  if seen[key] then
    seen[key] = nil
    redis.call('SET', KEYS[3], cmsgpack.pack({claim, seen}), 'PX', 60000)
  end
end
if deferred and ARGV[3] == '0' then return {4} end

local after = length + #ARGV - 8
if #ARGV > 8 and redis.call('RPUSH', KEYS[2], unpack(ARGV, 9)) ~= after then
  -- Redis was told to evict and took the records: let the head follow.
  redis.call('DEL', KEYS[1], KEYS[2])
  return {3}
end
local fresh, time = last + 1, string.format('%.0f', now)
local number = time
if fresh > now then number = string.format('%.0f', fresh) else fresh = now end
local ttl = tonumber(ARGV[5])
local kept = math.ceil(ttl / 1000)
redis.call('SET', KEYS[1], table.concat({
  ARGV[4], ' ', number, ' ', journal, ' ', after, ' ', time, ' ',
  string.format('%.0f', now + ttl), '\n', ARGV[6]}), 'PX', kept)
if after > 0 then redis.call('PEXPIRE', KEYS[2], kept + 1000) end
local remember = tonumber(ARGV[8])
redis.call('SET', KEYS[4], string.format('=%.0f\n', now + remember) .. ARGV[7], 'PX',
  math.ceil(remember / 1000))
return {2, fresh, tonumber(journal)}
