-- Looks when something of a user is due. It stands after entry.lua and mail.lua.
-- KEYS h j c m t and, where it is on the same server, the index of `account`
-- ARGV user account and, of an entry of the index that may be of no use, when in ms
-- Returns when (0: nothing is), the account whose index tells of it, whether somebody holds the
-- claim, the time, and whether the index lacked it.
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
local lacked = 0
if ARGV[2] then
  local function entry_of(at) return at .. ':' .. ARGV[1] end
  local at = format('%.0f', math.floor(due / 1000))
  if due > 0 and account == ARGV[2] then
    lacked = redis.call('ZADD', KEYS[6], 'NX', format('%.0f', due), entry_of(at))
  end
  if ARGV[3] and not is_claimed(claim) and (due == 0 or due > now) then
    if due > 0 and account == ARGV[2] and at == ARGV[3] then
      redis.call('ZADD', KEYS[6], format('%.0f', due), entry_of(at))
    else
      redis.call('ZREM', KEYS[6], entry_of(ARGV[3]))
    end
  end
end
return {due, account, is_claimed(claim) and 1 or 0, now, lacked}
