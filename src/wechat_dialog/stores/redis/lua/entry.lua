-- How a user's keys are read and written. It is put before most scripts, after clock.lua.
--
-- `redis.call` gets a key only as KEYS[n] with a literal number, because the proxies of managed
-- Redis refuse a script that passes one in a variable, or uses `unpack` in a call. So h, j and c are
-- the first three keys of every script, whether it needs them or not.
--
--   h      a tab, the fields of HEAD, packed, then replies, then the head         (string)
--          The replies are those of the last `span` µs, oldest first: of each, the fields of REPLY,
--          packed, and its text; `name` stands for the message's key. `last` is the name of the
--          message whose commit made this revision, NOBODY if a record did, ANYBODY if unknown.
--          Redis keeps h and j until `kept` at least. If there are replies but no document, the
--          fields of the document are 0. An earlier version wrote:
--          'write-id revision journal length committed expires\n' .. head
--          where expires is a time, or a duration after `committed`: '+<duration>'
--   j      the records                                                          (list)
--   c      the claim and the messages seen, as read_line returns them, packed   (string)
--   a:key  '=expires\n' .. reply, or '~expires\n' if deferred                   (string)
--          where expires is a time, or '<time>+<duration>';
--          a reply is here only if h has no room for it, if it is remembered for another duration
--          than those in h, or if an earlier version wrote it
--   d      the user's data                                                      (string)
--   p      id -> 'stamp expires\n' .. document                                  (hash)
--   s      step .. '\0' .. part -> 'when expires\n' .. outcome                  (hash)
--
-- Only a user for whom something is due at some time, or who has conversations aside or signals,
-- has more keys. Scripts for other users are not given these keys, and cost nothing more:
--
--   h      begins with a vertical tab if the head has a time or something is aside; the fields of
--          TIME then follow those of HEAD. An earlier version fails at it, before it writes.
--   b      id -> document, of conversations aside; valid only if h has their number (hash)
--   t      the account: tells the walk through all keys that h may have a time    (string)
--   m      number -> the fields of LETTER in mail.lua, packed, then the signal's body (hash)
--   i      id of a signal -> until when it is remembered; '\0' .. token of the call that posted it
--          -> its number plus ten minutes                                         (sorted set)
--
-- The claim in c has some more fields, if they are needed: `mail`, `mail_until`, `told` and `read`,
-- as in `Entry`; `posted`, until when there may be an i; `before`, as in `Entry`, but it may be the
-- name of the message, as in h; `was` and `at`: the commit of message `was` is the last event as
-- long as `at` is the revision. An earlier version may drop these fields: then the next firing's
-- claim finds the mailbox.
--
-- (A hash with a field longer than 64 bytes costs 500 bytes more, so the head is in a string.)
-- The value of whatever expires says when; the TTLs of Redis only clean up after that. The rules
-- are those of core/store/rules.py, which explains them in the same terms.

-- Bytes are joined with `..`, because the %s of `format` would cut them at the first NUL.

local PLACE_KEPT = 1000000
local SEEN_KEPT = 60000000
local DEFERRED_KEPT = 86400000000
local MESSAGES_KEPT = 100
local MESSAGES_ROOM = 262144
-- At most so many bytes of h are replies, since every turn writes h.
local REPLIES_ROOM = 2048
-- Redis keeps h and j so much longer than needed, so that not every turn has to extend it.
local SLACK = 60000000

-- write-id revision journal length committed expires span kept last bytes-of-replies
local HEAD = '>c6I8I8I4I8I8I8I8c6I2'
-- wake, until when b is kept, how many are aside, account
local TIME = '>I8I8I2I2c0'
-- name when bytes
local REPLY = '>c6I7I2'
local NOBODY, ANYBODY = '\0\0\0\0\0\0', '??????'
-- The greatest exact integer: a time that never comes.
local NEVER = 9007199254740991
local DAY, WEEK = 86400000000, 604800000000
-- The first element of an answer. TIMED: the script needs the keys for times and signals.
local ANSWERED, RUNNING, DONE, CONFLICT, DEFERRED, LOST, FULL, TIMED = 0, 1, 2, 3, 4, 5, 6, 7

local match, format, ceil, max = string.match, string.format, math.ceil, math.max

-- Returns the document (nil if there is none, or it has expired), and the replies.
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

-- Iterates over the replies that are still remembered: name, time, reply, start and end.
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

-- Drops the replies that have expired, and that of `name`.
local function forget_reply(replies, name)
  local left = {}
  for other, _, _, first, last in each(replies) do
    if other ~= name then left[#left + 1] = string.sub(replies.text, first, last) end
  end
  replies.text = table.concat(left)
end

-- Adds a reply and returns true; returns false if it needs a key of its own.
local function remember_reply(replies, name, reply, span)
  forget_reply(replies, name)
  if replies.text == '' then replies.span = span end
  if replies.span ~= span or #replies.text + #reply > REPLIES_ROOM then return false end
  replies.text = replies.text .. struct.pack(REPLY, name, now, #reply) .. reply
  return true
end

-- Writes h without a document: the replies stay.
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

-- Extends the expiry of head and journal to that of the claim.
local function outlive_claim(doc, claim)
  if doc and doc.expires < claim.until_ then
    doc.expires = claim.until_
    save_head(doc)
  end
end

-- Whether a message has no answer yet, or has one that nobody took.
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

-- Notes a request of a message, or its deferral; returns what is known of the message.
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

-- Keeps head and journal as long as a message that may answer their question, or a reply that ends
-- with it.
local function outlive_pending(doc, seen)
  for _, s in pairs(seen) do
    if is_pending(s) then doc.expires = max(doc.expires, seen_until(s)) end
  end
end

-- `last` is the greatest number that was issued, unless the head has it: once the claim is gone,
-- nothing else prevents that a number is issued again.
local function save_line(claim, seen)
  if claim.fence == 0 and claim.last == 0 and next(seen) == nil
    and not (claim.mail or claim.posted or claim.was) then
    redis.call('DEL', KEYS[3])
  else
    local expires = max(now + SEEN_KEPT, claim.posted or 0, claim.mail_until or 0)
    -- An expired claim is counted as lost when the next one is granted.
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

-- Returns what is remembered of a message: nil (nothing), its reply, or false (it was deferred).
-- `text` is the value of its a:key, `name` its name in h.
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

-- Whether a message's commit was the last event; `text` is the value of its a:key, or nil.
local function was_last(text, name, key, doc, claim)
  if claim.fence ~= 0 then return false end
  if claim.was and claim.at == (doc and doc.revision or 0) then
    return claim.was == name or claim.was == key
  end
  if not doc then return claim.holder == key end
  if claim.last > doc.revision then return false end
  if doc.last ~= ANYBODY then return doc.last == name end
  -- A revision is the time of its write, unless the clock was set back: then it is unknown.
  return text and tonumber(match(text, '^=(%d+)%+')) == doc.revision
end

-- Returns the reply for a copy of an answered message; '' if another message's turn has it.
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
    -- A request that is repeated because its answer was lost on the wire counts once.
    if not caller or me.caller ~= caller then me.copies = me.copies + 1 end
    me.caller = caller or ''
  end
  save_line(claim, seen)
  return reply
end

-- Whether a message has its answer with another one's: nobody took its reply, or end.lua has
-- dropped it.
local function is_answered(seen, key)
  return seen[key] and seen[key].reply ~= nil
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
