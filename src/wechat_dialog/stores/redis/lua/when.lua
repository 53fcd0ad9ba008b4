-- Looks when something of a user is due. It stands after entry.lua and mail.lua.
-- KEYS h j c m t
-- Returns when (0: nothing is), the account whose index tells of it, whether somebody holds the
-- claim, and the time.
local got = redis.call('MGET', KEYS[1], KEYS[3])
local doc = read_head(got[1])
local claim = read_line(got[2])
local mail = read_mail(redis.call('HGETALL', KEYS[4]))
local due, account = doc and doc.wake or 0, doc and doc.account or ''
if due == 0 then redis.call('DEL', KEYS[5]) end
local last = mail[#mail]
local number = last and (claim.mail or last.number) -- an earlier version may drop the line
if last and number > (claim.read or 0) and (due == 0 or number < due) then
  due, account = number, last.account
end
return {due, account, is_claimed(claim) and 1 or 0, now}
