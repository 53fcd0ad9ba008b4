-- The account under a name.
-- KEYS its key   ARGV the account, if it is to be noted; empty: it is forgotten
if ARGV[1] == '' then
  redis.call('DEL', KEYS[1])
elseif ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1])
end
return redis.call('GET', KEYS[1]) or ''
