-- How a user's keys are read and written. It stands before most scripts, after clock.lua.
--
-- A key is handed to `redis.call` as KEYS[n], by a number, and in no other way: the proxies of
-- managed Redis refuse a script that has it in a variable, or an `unpack` in a call. Hence every
-- script has h, j and c as its first three keys, needed or not.
--
--   h      a tab, what HEAD says, packed, then replies, then the head             (string)
--          Replies are those of the last `span` µs, the oldest first, each as REPLY says, packed,
--          then itself; `name` is what stands for the message's key. `last` names the message whose
--          commit left this revision, NOBODY where a record did, ANYBODY where it is not known.
--          `kept` is until when Redis keeps h and j at least. Where there is no document but
--          replies are, all of it is 0. As an earlier version wrote it:
--          'write-id revision journal length committed expires\n' .. head
--          where expires is a time, or a time after `committed`: '+<how long>'
--   j      the records                                                          (list)
--   c      the claim and the messages seen, as read_line gives them, packed     (string)
--   a:key  '=expires\n' .. reply, or '~expires\n' if deferred                   (string)
--          where expires is a time, or '<when>+<how long>';
--          a reply only where h has no room for it, is remembered for another time than those in h,
--          or is of an earlier version
--   d      the user's data                                                      (string)
--   p      id -> 'stamp expires\n' .. document                                  (hash)
--   s      step .. '\0' .. part -> 'when expires\n' .. outcome                  (hash)
--
-- Only users of whom something is due some time, of whom something is put aside, or who have a
-- signal, have more. Whoever knows nothing of it hands over no keys for it, and pays nothing:
--
--   h      begins with a vertical tab where the head says a time or something is aside; what TIME
--          says then follows what HEAD says. An earlier version fails at it, before it writes.
--   b      id -> document, of what is put aside; counts only where h says how many  (hash)
--   t      the account; that h may say a time, for who walks through all keys     (string)
--   m      number -> what LETTER in mail.lua says, packed, then the signal's body (hash)
--   i      id of a signal -> until when it is remembered; '\0' .. token of a call that posted one
--          -> its number and ten minutes                                          (sorted set)
--
-- In c the claim has besides, where there is any of it: `mail`, `mail_until`, `told` and `read`, as
-- in `Entry`; `posted`, until when there may be an i; `before`, as there, but that it may be the
-- name of the message, as in h; `was` and `at`, that this message's commit is still the last thing
-- to have happened as long as that is the revision. An earlier version may drop that: then the
-- next firing's claim finds the mailbox.
--
-- (A hash with a field longer than 64 bytes costs 500 bytes more, so the head is in a string.)
-- Whatever expires says so in its value; Redis' own TTLs only clean up behind that. The rules are
-- those of core/store/rules.py, which explains them; the words are the same.

-- Bytes are joined with `..`: format's %s would end them at their first NUL.

local PLACE_KEPT = 1000000
local SEEN_KEPT = 60000000
local DEFERRED_KEPT = 86400000000
local MESSAGES_KEPT = 100
local MESSAGES_ROOM = 262144
-- Bytes of replies in h, which is written anew with every turn.
local REPLIES_ROOM = 2048
-- For how long Redis keeps h and j beyond what is needed, so that not every turn has to renew it.
local SLACK = 60000000

-- write-id revision journal length committed expires span kept last bytes-of-replies
local HEAD = '>c6I8I8I4I8I8I8I8c6I2'
-- wake, until when b is kept, how many are aside, account
local TIME = '>I8I8I2I2c0'
-- name when bytes
local REPLY = '>c6I7I2'
local NOBODY, ANYBODY = '\0\0\0\0\0\0', '??????'
-- The greatest number that is one: a time that never comes.
local NEVER = 9007199254740991
local DAY, WEEK = 86400000000, 604800000000
-- The answers, told apart by their first element. TIMED: this needs the keys of time.
local ANSWERED, RUNNING, DONE, CONFLICT, DEFERRED, LOST, FULL, TIMED = 0, 1, 2, 3, 4, 5, 6, 7

local match, format, ceil, max = string.match, string.format, math.ceil, math.max

-- Returns the document (nil if there is none, or it is over) and what is remembered beside it.
local function read_head(text)
  local replies = {span = 0, text = ''}
  if not text then return nil, replies end
  local doc, size, start = {replies = replies}
  if string.byte(text) < 12 then
    local _
    doc.write_id, doc.revision, doc.journal, doc.length, doc.committed, doc.expires, replies.span,
      _, doc.last, size, start = struct.unpack(HEAD, text, 2)
    if string.byte(text) == 11 then
      doc.wake, doc.beside, doc.aside, doc.account, start = struct.unpack(TIME, text, start)
    end
    replies.text = string.sub(text, start, start + size - 1)
    start = start + size
  else
    local revision, journal, length, committed, lasts, expires
    doc.write_id, revision, journal, length, committed, lasts, expires, start =
      match(text, '^(%S+) (%d+) (%d+) (%d+) (%d+) (%+?)(%d+)\n()')
    doc.revision, doc.journal, doc.length = tonumber(revision), tonumber(journal), tonumber(length)
    doc.committed, doc.last = tonumber(committed), ANYBODY
    doc.expires = (lasts == '+' and doc.committed or 0) + expires
  end
  if now >= doc.expires then return nil, replies end
  doc.head = string.sub(text, start)
  return doc, replies
end

-- Gives name, time and reply of what is remembered and not over, and where it begins and ends.
local function each(replies)
  local at, text = 1, replies.text
  return function()
    while at <= #text do
      local first = at
      local name, since, size, start = struct.unpack(REPLY, text, at)
      at = start + size
      if now < since + replies.span then
        return name, since, string.sub(text, start, at - 1), first, at - 1
      end
    end
  end
end

-- Leaves out what is over, and what is remembered under `name`.
local function forget_reply(replies, name)
  local left = {}
  for other, _, _, first, last in each(replies) do
    if other ~= name then left[#left + 1] = string.sub(replies.text, first, last) end
  end
  replies.text = table.concat(left)
end

-- Remembers a reply from now on, and returns true; false if it needs a key of its own.
local function remember_reply(replies, name, reply, span)
  forget_reply(replies, name)
  if replies.text == '' then replies.span = span end
  if replies.span ~= span or #replies.text + #reply > REPLIES_ROOM then return false end
  replies.text = replies.text .. struct.pack(REPLY, name, now, #reply) .. reply
  return true
end

-- Writes h where there is no document: what is remembered stays.
local function drop_head(replies)
  forget_reply(replies)
  if replies.text == '' then
    redis.call('DEL', KEYS[1])
  else
    redis.call('SET', KEYS[1], '\t' .. struct.pack(HEAD, NOBODY, 0, 0, 0, 0, 0, replies.span, 0,
      NOBODY, #replies.text) .. replies.text, 'PX', ceil(replies.span / 1000))
  end
end

local function save_head(doc)
  local ttl, replies = math.min(doc.expires, NEVER) - now, doc.replies
  if ceil(ttl / 1000) < 1 then
    redis.call('DEL', KEYS[2])
    drop_head(replies)
    return
  end
  local kept = now + SLACK + (replies.text == '' and ttl or max(ttl, replies.span))
  local kind, time = '\t', ''
  if doc.wake then
    kind = '\v'
    time = struct.pack(TIME, doc.wake, doc.beside, doc.aside, #doc.account, doc.account)
  end
  redis.call('SET', KEYS[1], kind .. struct.pack(HEAD, doc.write_id, doc.revision, doc.journal,
    doc.length, doc.committed, now + ttl, replies.span, kept, doc.last, #replies.text)
    .. time .. replies.text .. doc.head, 'PX', ceil((kept - now) / 1000))
  if doc.length > 0 then redis.call('PEXPIRE', KEYS[2], ceil((kept - now) / 1000)) end
end

-- Keeps head and journal at least as long as the claim on them.
local function outlive_claim(doc, claim)
  if doc and doc.expires < claim.until_ then
    doc.expires = claim.until_
    save_head(doc)
  end
end

-- Whether the user still has to be told something: the message is kept, or its reply is.
local function is_pending(s)
  return s.message or s.reply and s.reply ~= ''
end

-- When a message that was seen is forgotten.
local function seen_until(s)
  return s.asked + (is_pending(s) and DEFERRED_KEPT or SEEN_KEPT)
end

-- Returns the claim (always a table; fence 0: there is none) and the messages seen, by key:
-- {first, copies, asked, waits, caller, message, began, promised, reply, told}; no message unless
-- it is kept, no reply unless nobody took it.
local function read_line(text)
  if not text then
    return {last = 0, fence = 0, until_ = 0, lost = 0, caller = '', write_id = '', holder = ''}, {}
  end
  local claim, seen = unpack(cmsgpack.unpack(text))
  claim.lost = claim.lost or 0 -- as an earlier version wrote it
  if claim.mail and claim.mail_until <= now then
    claim.mail, claim.mail_until, claim.read = nil, nil, nil
  end
  if claim.posted and claim.posted <= now then claim.posted = nil end
  for key, s in pairs(seen) do
    if seen_until(s) <= now then seen[key] = nil end
  end
  return claim, seen
end

-- Notes that a message asks, or is deferred; returns what is known of it.
local function see(seen, key)
  local me = seen[key]
  if not me then
    local latest = 0
    for _, other in pairs(seen) do latest = max(latest, other.first) end
    me = {first = max(now, latest + 1), copies = 0, caller = '', waits = false}
    seen[key] = me
  end
  me.asked = now
  return me
end

-- Keeps head and journal as long as a message that may be an answer to them, or a reply that ends
-- with their question.
local function outlive_pending(doc, seen)
  for _, s in pairs(seen) do
    if is_pending(s) then doc.expires = max(doc.expires, seen_until(s)) end
  end
end

-- `last` is the greatest number issued, as far as no head says so: once the claim is gone, nothing
-- else keeps a number from being issued again.
local function save_line(claim, seen)
  if claim.fence == 0 and claim.last == 0 and next(seen) == nil
    and not (claim.mail or claim.posted or claim.was) then
    redis.call('DEL', KEYS[3])
  else
    local expires = max(now + SEEN_KEPT, claim.posted or 0, claim.mail_until or 0)
    -- A claim that ran out counts as lost when the next one is granted.
    if claim.fence ~= 0 then expires = max(expires, claim.until_ + DEFERRED_KEPT) end
    for _, s in pairs(seen) do expires = max(expires, seen_until(s)) end
    redis.call('SET', KEYS[3], cmsgpack.pack({claim, seen}), 'PX', ceil((expires - now) / 1000))
  end
end

local function free(claim)
  claim.fence, claim.until_, claim.lost, claim.caller, claim.holder = 0, 0, 0, '', ''
end

local function is_claimed(claim)
  return claim.fence ~= 0 and now < claim.until_
end

-- The earliest other message that waits and came before `first` (nil: whenever it came), or nil.
local function first_in_line(seen, key, first)
  local found, name
  for other, s in pairs(seen) do
    if other ~= key and s.waits and math.abs(now - s.asked) <= PLACE_KEPT
      and (not first or s.first < first) and (not found or s.first < found) then
      found, name = s.first, other
    end
  end
  return name
end

-- Whether a message other than `key` is kept and has no answer, or has one that nobody took.
local function pends(seen, key)
  for other, s in pairs(seen) do
    if is_pending(s) and other ~= key then return true end
  end
  return false
end

-- Returns what is known under a message's key, which `text` is stored at and `name` stands for:
-- nil (nothing), or the reply, or false (deferred).
local function read_remembered(text, replies, name)
  if text then
    local kind, since, kept, start = match(text, '^([=~])(%d+)%+?(%d*)\n()')
    if now < since + (tonumber(kept) or 0) then
      if kind == '~' then return false end
      return string.sub(text, start)
    end
  end
  if replies and string.find(replies.text, name, 1, true) then
    for other, _, reply in each(replies) do
      if other == name then return reply end
    end
  end
  return nil
end

-- Whether nothing has happened since a message was answered; `text` is what a:key has, if anything.
local function was_last(text, name, key, doc, claim)
  if claim.fence ~= 0 then return false end
  if claim.was and claim.at == (doc and doc.revision or 0) then
    return claim.was == name or claim.was == key
  end
  if not doc then return claim.holder == key end
  if claim.last > doc.revision then return false end
  if doc.last ~= ANYBODY then return doc.last == name end
  -- A revision is the time of its write, unless the clock was set back: then nobody can tell.
  return text and tonumber(match(text, '^=(%d+)%+')) == doc.revision
end

-- Gives a copy of an answered message its reply, unless another message's turn has it by now.
local function take(reply, text, name, key, doc, line, caller)
  local claim, seen = read_line(line)
  local me = seen[key]
  local last = was_last(text, name, key, doc, claim)
  if me and me.reply then
    if me.reply == '' or (me.told == claim.fence and is_claimed(claim)) then return '' end
    seen[key] = nil
  elseif not last then
    return reply
  end
  claim.last = max(claim.last, doc and doc.revision or 0)
  if last then
    me = see(seen, key)
    -- One that asks a second time because the answer got lost on the wire is not two.
    if not caller or me.caller ~= caller then me.copies = me.copies + 1 end
    me.caller = caller or ''
  end
  save_line(claim, seen)
  return reply
end

-- Whether a message without an answer was ended by end.lua.
local function was_ended(seen, key)
  return seen[key] and seen[key].reply == ''
end

-- Notes that the write of the claim `fence` contains the untaken replies it was given.
local function wrote(seen, fence)
  for _, s in pairs(seen) do
    if s.told == fence and is_pending(s) and s.reply then s.reply, s.asked = '', now end
  end
end

local function number(doc, claim)
  return max((doc and doc.revision or 0) + 1, claim.last + 1, now)
end
