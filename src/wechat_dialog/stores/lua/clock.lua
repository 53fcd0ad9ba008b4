-- Microseconds since 1970 by the server's clock, as a number and as digits: 2^53 of them last until
-- the year 2255.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stamp = time[1] .. string.sub('00000' .. time[2], -6)
