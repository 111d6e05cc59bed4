# SPDX-License-Identifier: Apache-2.0
"""What runs inside Redis, so that no reader ever sees half of an import.

Keys of a project, all in one hash slot:

``dromos:{PROJECT}:pseudonym:[project,issuer,patientID]``  the pseudonym
``dromos:{PROJECT}:patient:[project,pseudonym]``           the key above, for the reverse look-up
``dromos:{PROJECT}:issuers:[project,patientID]``           set of the issuers that know the Patient ID
``dromos:{PROJECT}:entries``                               sorted set of all [project,issuer,patientID], by expiry
``dromos:{PROJECT}:revision``                              counts changes
``dromos:{PROJECT}:import:RANDOM``                         rows of an import until it is applied, an hour at most
"""

# KEYS: staged rows, entries, revision. ARGV: prefix, seconds to live (0: for ever), most conflicts to name.
# A staged row is JSON: [line, key, pseudonym, reverse key, issuers key, issuer].
IMPORT = """
local staged, entries, revision = KEYS[1], KEYS[2], KEYS[3]
local prefix, ttl, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(redis.call('TIME')[1])
local size, step = redis.call('LLEN', staged), 1000

local function each(action)
  for start = 0, size - 1, step do
    for _, row in ipairs(redis.call('LRANGE', staged, start, start + step - 1)) do action(cjson.decode(row)) end
  end
end

local conflicts, count, same = {}, 0, 0
each(function(row)
  local stored = redis.call('GET', prefix .. 'pseudonym:' .. row[2])
  local owner = redis.call('GET', prefix .. 'patient:' .. row[4])
  local what = nil
  if stored and stored ~= row[3] then what = 'patient'
  elseif owner and owner ~= row[2] then what = 'pseudonym'
  elseif stored then same = same + 1 end
  if what then
    count = count + 1
    if #conflicts < most then conflicts[#conflicts + 1] = row[1] .. ' ' .. what end
  end
end)
if count > 0 then
  redis.call('DEL', staged)
  return {'refused', count, conflicts}
end

local function set(key, value)
  if ttl > 0 then redis.call('SET', key, value, 'EX', ttl) else redis.call('SET', key, value) end
end
local expiry = '+inf'
if ttl > 0 then expiry = now + ttl end
each(function(row)
  set(prefix .. 'pseudonym:' .. row[2], row[3])
  set(prefix .. 'patient:' .. row[4], row[2])
  local issuers = prefix .. 'issuers:' .. row[5]
  local left = redis.call('TTL', issuers)  -- -2: there is none, -1: for ever
  redis.call('SADD', issuers, row[6])
  if ttl == 0 then redis.call('PERSIST', issuers)
  elseif left ~= -1 then redis.call('EXPIRE', issuers, math.max(left, ttl)) end
  redis.call('ZADD', entries, expiry, row[2])
end)
redis.call('ZREMRANGEBYSCORE', entries, '-inf', now)
redis.call('DEL', staged)
if size > same then redis.call('INCR', revision) end
return {'done', size - same, same}
"""

# KEYS: entries, revision. ARGV: prefix, then for each patient: key, reverse key, issuers key, issuer.
DELETE = """
local entries, revision, prefix, removed = KEYS[1], KEYS[2], ARGV[1], 0
for position = 2, #ARGV, 4 do
  local key, reverse, issuers, issuer = ARGV[position], ARGV[position + 1], ARGV[position + 2], ARGV[position + 3]
  redis.call('DEL', prefix .. 'pseudonym:' .. key)
  local owned = prefix .. 'patient:' .. reverse
  if redis.call('GET', owned) == key then redis.call('DEL', owned) end
  redis.call('SREM', prefix .. 'issuers:' .. issuers, issuer)
  removed = removed + redis.call('ZREM', entries, key)
end
if removed > 0 then redis.call('INCR', revision) end
return removed
"""
