-- Ends leases of entries of an index before their time, unless they were leased again since.
-- KEYS the index   ARGV user, time in ms, until, of each
for i = 1, #ARGV, 3 do
  local entry = ARGV[i + 1] .. ':' .. ARGV[i]
  if redis.call('ZSCORE', KEYS[1], entry) == ARGV[i + 2] then
    redis.call('ZADD', KEYS[1], string.format('%.0f', ARGV[i + 1] * 1000), entry)
  end
end
return 1
