-- One decision over all dimensions of a call: all are taken, or none. Counts as keyward_domain::limits::counter does.
-- KEYS: the nodes' leases; the call's record; then of each dimension its counter and what calls under way hold of it.
-- ARGV: this node, the lease, take|look, 1 when something is held, four starts of months; then of each dimension when it
-- counts (once|end|open), its window, the time that shares a bucket, the limit, and what is asked of it.
-- Returns the time, what became of it, and of each dimension what is used and in how many ms enough is free (-1: unknown).
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local node, lease_ms, taking, holding = ARGV[1], tonumber(ARGV[2]), ARGV[3] == 'take', ARGV[4] == '1'
local DAY_MS = 86400000

local function text(number) return string.format('%.0f', number) end

local function keep(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, text(ms)) end
end

local months = {tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])}
local month = now < months[2] and 1 or (now < months[3] and 2 or 3)

-- A node whose lease ended has died: what its calls held is free.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', text(now))
local alive = {[node] = true}
for _, other in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do alive[other] = true end

local function held(key)
  local all, sum = redis.call('HGETALL', key), 0
  for i = 1, #all, 2 do
    if alive[all[i]] then sum = sum + tonumber(all[i + 1]) else redis.call('HDEL', key, all[i]) end
  end
  return sum
end

-- All buckets, oldest first.
local function buckets(key)
  local all, found = redis.call('HGETALL', key), {}
  for i = 1, #all, 2 do
    local mark = tonumber(all[i])
    if mark then found[#found + 1] = {mark, tonumber(all[i + 1])} end
  end
  table.sort(found, function(one, other) return one[1] < other[1] end)
  return found
end

-- The sum of what has not left, and the oldest bucket. `c` and `f` spare reading all of them each time.
local function counted(key, horizon)
  local head = redis.call('HMGET', key, 'c', 'f')
  local sum, first = tonumber(head[1] or '0'), tonumber(head[2] or '')
  if not first or first > horizon then return sum, first end
  sum, first = 0, nil
  for _, bucket in ipairs(buckets(key)) do
    if bucket[1] <= horizon then
      redis.call('HDEL', key, text(bucket[1]))
    else
      sum, first = sum + bucket[2], first or bucket[1]
    end
  end
  redis.call('HSET', key, 'c', text(sum))
  if first then redis.call('HSET', key, 'f', text(first)) else redis.call('HDEL', key, 'f') end
  return sum, first
end

local seen, fits = {}, true
for at = 1, (#KEYS - 2) / 2 do
  local base = 8 + (at - 1) * 5
  local one = {
    key = KEYS[1 + at * 2], open = KEYS[2 + at * 2], when = ARGV[base + 1],
    limit = tonumber(ARGV[base + 4]), asked = tonumber(ARGV[base + 5]), first = nil, sum = 0, held = 0,
  }
  local window_ms, grain_ms = tonumber(ARGV[base + 2]), tonumber(ARGV[base + 3])
  if one.when == 'open' then
    one.leaves = 0
  elseif window_ms == 0 then
    one.mark, one.leaves = months[month], months[month + 1] - months[month]
    one.sum, one.first = counted(one.key, one.mark - 2 * DAY_MS)
  else
    one.mark, one.leaves = now - now % grain_ms + grain_ms - 1, window_ms
    one.sum, one.first = counted(one.key, now - window_ms)
  end
  if one.when ~= 'once' then one.held = held(one.open) end
  one.used = one.sum + one.held
  one.short = one.asked > 0 and one.used + one.asked > one.limit
  fits = fits and not one.short
  seen[at] = one
end

local outcome = 'looked'
if taking then
  outcome = fits and 'taken' or 'refused'
  if fits and holding then
    -- The edge gave up waiting before this arrived.
    if redis.call('EXISTS', KEYS[2]) == 1 then return {text(now), 'cancelled'} end
    redis.call('SET', KEYS[2], 'open', 'PX', text(DAY_MS))
    redis.call('ZADD', KEYS[1], text(now + lease_ms), node)
    keep(KEYS[1], DAY_MS)
  end
end

local reply = {text(now), outcome}
for _, one in ipairs(seen) do
  if outcome == 'taken' then
    one.used = one.used + one.asked
    if one.when == 'once' then
      redis.call('HINCRBY', one.key, text(one.mark), text(one.asked))
      redis.call('HSET', one.key, 'c', text(one.sum + one.asked))
      if not one.first or one.mark < one.first then
        one.first = one.mark
        redis.call('HSET', one.key, 'f', text(one.mark))
      end
      keep(one.key, one.mark + one.leaves - now + 60000)
    elseif one.asked > 0 then
      redis.call('HINCRBY', one.open, node, text(one.asked))
      keep(one.open, DAY_MS)
    end
  end
  local frees = -1
  if outcome == 'refused' and one.short then
    local wanted, left = one.used + one.asked - one.limit, 0
    if one.when ~= 'open' then
      for _, bucket in ipairs(buckets(one.key)) do
        left = left + bucket[2]
        if left >= wanted then frees = math.max(bucket[1] + one.leaves - now, 1) break end
      end
    end
  elseif one.first then
    frees = math.max(one.first + one.leaves - now, 1)
  end
  reply[#reply + 1] = text(one.used)
  reply[#reply + 1] = text(frees)
end
return reply
