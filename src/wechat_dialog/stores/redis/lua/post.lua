-- Puts a signal into a mailbox. Stands after entry.lua and mail.lua.
-- KEYS h j c m i, and the index if it is on the same server
-- ARGV account id body most kept lease user token together
-- Returns the signal's number, and the `until` of its entry in the index.
local account, id, kept, lease = ARGV[1], ARGV[2], tonumber(ARGV[5]), tonumber(ARGV[6])
-- A repetition of the same call is recognised for so long.
local AGAIN, token = 600000000, '\0' .. ARGV[8]

local claim, seen = read_line(redis.call('GET', KEYS[3]))
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', format('%.0f', now))
local again = redis.call('ZSCORE', KEYS[5], token)
if again then return {DONE, again - AGAIN, 0} end
if id ~= '' and redis.call('ZSCORE', KEYS[5], id) then return {ANSWERED} end
local there = read_mail(redis.call('HGETALL', KEYS[4]))
if #there >= tonumber(ARGV[4]) then return {FULL} end

local latest = max(claim.mail or 0, claim.told or 0, claim.read or 0)
if #there > 0 then latest = max(latest, there[#there].number) end
local number, expires = max(now, latest + 1), now + kept
local due = math.floor(number / 1000)
-- The score of no other entry: whoever was given it can see whether it was changed.
local score = number + lease
if ARGV[9] == '1' then
  redis.call('ZADD', KEYS[6], format('%.0f', score), format('%.0f:', due) .. ARGV[7])
end
redis.call('HSET', KEYS[4], format('%.0f', number),
  struct.pack(LETTER, number, expires, #account, account) .. ARGV[3])
redis.call('ZADD', KEYS[5], format('%.0f', number + AGAIN), token)
if id ~= '' then redis.call('ZADD', KEYS[5], format('%.0f', expires), id) end
claim.mail = number
claim.mail_until = max(claim.mail_until or 0, there.last, expires)
claim.posted = max(claim.posted or 0, expires, now + AGAIN)
save_line(claim, seen)
local lasts = ceil((claim.posted - now) / 1000)
if redis.call('PTTL', KEYS[4]) < lasts then redis.call('PEXPIRE', KEYS[4], lasts) end
if redis.call('PTTL', KEYS[5]) < lasts then redis.call('PEXPIRE', KEYS[5], lasts) end
return {DONE, number, score}
