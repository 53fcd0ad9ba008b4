-- Microseconds since 1970 by the server's clock: a number is exact for them until the year 2255.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
