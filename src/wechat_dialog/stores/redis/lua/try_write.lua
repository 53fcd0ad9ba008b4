-- What a write needs, without a write: nobody sets this key, so there is nothing to replace. The
-- server refuses the command as any write (READONLY, OOM, MISCONF, NOREPLICAS, NOPERM), and passes
-- nothing on to its replicas and its append-only file.
-- KEYS a key that does not exist
redis.call('SET', KEYS[1], '', 'XX')
return 1
