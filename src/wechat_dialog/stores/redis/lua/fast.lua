-- A commit without a claim, in the one form that a live dialog's turn has: it only appends records.
-- It does the same as write.lua in a third of the server's time. Nothing stands before it, because
-- even creating functions that are not called takes time. So does every argument, and every number
-- that is sent as text: so most of them are packed into one.
-- See entry.lua for the keys.
-- KEYS h j c a
-- ARGV 1: packed: write-id, name, revision, max-age, flags, ttl, remember, how long Redis has
--         to keep h and j, the TTL in ms if that has to be extended, and the length of the reply;
--         then the message's key
--         The flags: 1: the caller knows that the message was deferred; 2: there was no
--         conversation. Then the revision is the number that was issued last, and the max-age the
--         time until which this may be relied upon.
--      2: reply and head, joined
--      3 and following: the records
-- Returns revision and journal, packed, if it is done. If the user has conversations aside,
-- write.lua has to do it. A time in h ends with this commit.
local sub, unpacked, packed = string.sub, struct.unpack, struct.pack
local got = redis.call('MGET', KEYS[1], KEYS[3], KEYS[4])
local text, line, remembered = got[1], got[2], got[3]
local write_id, name, expected, limit, flags, ttl, remember, needed, renewed, reply_size, key_start =
  unpacked('>c6c6I8I8I1I8I8I8I8I4', ARGV[1])

local writer, revision, journal, length, committed, expires, span, kept, _, size, start
if text and string.byte(text) == 9 then
  writer, revision, journal, length, committed, expires, span, kept, _, size, start =
    unpacked('>c6I8I8I4I8I8I8I8c6I2', text, 2)
elseif text and string.byte(text) == 11 then
  local aside
  writer, revision, journal, length, committed, expires, span, kept, _, size, start =
    unpacked('>c6I8I8I4I8I8I8I8c6I2', text, 2)
  _, _, aside, _, start = unpacked('>I8I8I2I2c0', text, start)
  if aside > 0 then return {7} end
elseif not text then
  text, revision, journal, length, committed, expires, span, kept, size, start =
    '', 0, 0, 0, 0, 0, remember, 0, 0, 1
else -- written by an earlier version
  local lasts
  revision, journal, length, committed, lasts, expires, start =
    string.match(text, '^%S+ (%d+) (%d+) (%d+) (%d+) (%+?)(%d+)\n()')
  revision, journal, committed = tonumber(revision), tonumber(journal), tonumber(committed)
  expires = (lasts == '+' and committed or 0) + expires
  span, kept, size = remember, 0, 0
end
-- The same write again: its answer was lost on the wire.
if writer == write_id then return packed('>I8I8', revision, journal) end

local knows, absent = flags % 2, flags > 1
local answer
if string.find(text, name, start, true) then
  local at, stop = start, start + size
  while at < stop do
    local found, since, bytes, reply = unpacked('>c6I7I2', text, at)
    at = reply + bytes
    if found == name and now < since + span then answer = sub(text, reply, at - 1) end
  end
end
local deferred = false
if remembered then
  local kind, since, lasting, reply = string.match(remembered, '^([=~])(%d+)%+?(%d*)\n()')
  if now < since + (tonumber(lasting) or 0) then
    if kind == '=' then answer = sub(remembered, reply) else deferred = true end
  end
end
if answer then
  local me = line and unpack(cmsgpack.unpack(line), 2)[sub(ARGV[1], key_start)]
  if me and (me.reply and me.reply ~= '' or now < me.asked + 60000000) then return {3} end
  return {0, answer}
end

if absent then
  if revision ~= 0 or now > limit then return {3} end
elseif revision ~= expected or now >= expires or now - committed > limit then
  return {3}
end
local last = revision
if line then
  local claim, seen = unpack(cmsgpack.unpack(line))
  if claim.fence ~= 0 and now < claim.until_ then return {3} end
  if claim.mail and now < claim.mail_until then return {3} end
  local key = sub(ARGV[1], key_start)
  local me = seen[key]
  if me and me.reply and (me.reply ~= '' or now < me.asked + 60000000) then return {3} end
  for other, s in pairs(seen) do
    if other ~= key and (s.message or s.reply and s.reply ~= ''
      or s.waits and math.abs(now - s.asked) <= 1000000) then return {3} end
  end
  -- A refusal changes nothing: the message that is put off stays, should this worker die.
  if deferred and knows == 0 then return {4} end
  if claim.last > last then last = claim.last end
  if me then
    seen[key] = nil
    redis.call('SET', KEYS[3], cmsgpack.pack({claim, seen}), 'PX',
      math.ceil(math.max(60000, ((claim.posted or 0) - now) / 1000)))
  end
end
if deferred and knows == 0 then return {4} end
if absent and last ~= expected then return {3} end

-- What is remembered goes on, but for what is over by now.
local at, stop = start, start + size
while at < stop do
  local _, since, bytes, reply = unpacked('>c6I7I2', text, at)
  if now < since + span then break end
  at = reply + bytes
end

local after = length + #ARGV - 2
local i, last_record, pushed = 3, #ARGV, after
while i + 7 <= last_record do
  pushed = redis.call('RPUSH', KEYS[2], ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4],
    ARGV[i + 5], ARGV[i + 6], ARGV[i + 7])
  i = i + 8
end
while i < last_record do
  pushed = redis.call('RPUSH', KEYS[2], ARGV[i], ARGV[i + 1])
  i = i + 2
end
if i == last_record then pushed = redis.call('RPUSH', KEYS[2], ARGV[i]) end
if pushed ~= after then
  -- Redis was told to evict and took the records: let the head follow, and what is remembered stay.
  redis.call('DEL', KEYS[2])
  redis.call('SET', KEYS[1], '\t' .. packed('>c6I8I8I4I8I8I8I8c6I2', write_id, 0, 0, 0, 0, 0,
    span, 0, name, stop - at) .. sub(text, at, stop - 1), 'PX', math.ceil(span / 1000))
  return {3}
end

local entry, rest = '', ARGV[2]
size = stop - at
if size == 0 then span = remember end
if span == remember and size + reply_size <= 2048 then
  entry = packed('>c6I7I2', name, now, reply_size)
  size = size + #entry + reply_size
  if remembered then redis.call('DEL', KEYS[4]) end
else
  redis.call('SET', KEYS[4], string.format('=%.0f+%.0f\n', now, remember)
    .. sub(rest, 1, reply_size), 'PX', math.ceil(remember / 1000))
  rest = sub(rest, reply_size + 1)
end
revision = math.max(now, last + 1)
if journal == 0 then journal = revision end
local renews = now + needed > kept or length == 0 and after > 0
if renews then kept = now + renewed * 1000 end
-- Made in one go: a long text costs what making it costs, for each that is in between.
local document = '\t' .. packed('>c6I8I8I4I8I8I8I8c6I2', write_id, revision, journal, after,
  now, math.min(now + ttl, 9007199254740991), span, kept, name, size)
  .. sub(text, at, stop - 1) .. entry .. rest
if renews then
  redis.call('SET', KEYS[1], document, 'PX', renewed)
  if after > 0 then redis.call('PEXPIRE', KEYS[2], renewed) end
else
  redis.call('SET', KEYS[1], document, 'KEEPTTL')
end
return packed('>I8I8', revision, journal)
