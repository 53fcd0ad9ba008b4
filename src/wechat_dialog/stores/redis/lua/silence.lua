-- Empties a remembered reply: copies of its message learn that it was answered, but get no reply.
-- KEYS a   ARGV for how long at most, in µs
-- Returns 1 if the reply had a text, or its message was deferred; otherwise 0.
local text = redis.call('GET', KEYS[1])
local remembered = read_remembered(text)
if remembered == nil or remembered == '' then return 0 end
local since, kept = match(text, '^[=~](%d+)%+?(%d*)')
kept = math.min(since + (tonumber(kept) or 0) - now, tonumber(ARGV[1]))
redis.call('SET', KEYS[1], format('=%.0f\n', now + kept), 'PX', ceil(kept / 1000))
return 1
