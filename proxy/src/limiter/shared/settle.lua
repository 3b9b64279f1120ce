-- What remains of a call's reservation when it has ended. Sent again, it does nothing the second time.
-- KEYS: the call's record; then of each dimension its counter and what calls under way hold of it.
-- ARGV: the node that holds it, settle|cancel|late; then of each dimension when it counts (once|end|open), its bucket, the
-- moment at which that bucket is gone, what was asked of it, and what remains.
-- `cancel`: nobody knows whether the reservation arrived. `late`: it was made in the node alone, while this was away.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local node, mode = ARGV[1], ARGV[2]

local function text(number) return string.format('%.0f', number) end

local had = redis.call('GET', KEYS[1])
if had == 'done' then return 0 end
redis.call('SET', KEYS[1], 'done', 'PX', '600000')
if mode == 'cancel' and had ~= 'open' then return 0 end

local function add(key, mark, gone, amount)
  if amount <= 0 or gone <= now then return end
  redis.call('HINCRBY', key, text(mark), text(amount))
  redis.call('HINCRBY', key, 'c', text(amount))
  local first = tonumber(redis.call('HGET', key, 'f') or '')
  if not first or mark < first then redis.call('HSET', key, 'f', text(mark)) end
  local ms = gone - now + 60000
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, text(ms)) end
end

-- An emptied bucket stays until its time; it counts nothing.
local function take_back(key, mark, amount)
  local there = tonumber(redis.call('HGET', key, text(mark)) or '0')
  local taken = math.min(there, amount)
  if taken <= 0 then return end
  redis.call('HINCRBY', key, text(mark), text(-taken))
  redis.call('HINCRBY', key, 'c', text(-taken))
end

for at = 1, (#KEYS - 1) / 2 do
  local key, open, base = KEYS[at * 2], KEYS[at * 2 + 1], 2 + (at - 1) * 5
  local when, mark, gone = ARGV[base + 1], tonumber(ARGV[base + 2]), tonumber(ARGV[base + 3])
  local asked, amount = tonumber(ARGV[base + 4]), tonumber(ARGV[base + 5])
  if when == 'once' then
    if mode == 'late' then add(key, mark, gone, amount) else take_back(key, mark, asked - amount) end
  else
    local held = tonumber(redis.call('HGET', open, node) or '0')
    if had == 'open' and held > 0 then
      if held > asked then redis.call('HINCRBY', open, node, text(-asked)) else redis.call('HDEL', open, node) end
    end
    if when == 'end' then add(key, mark, gone, amount) end
  end
end
return 1
