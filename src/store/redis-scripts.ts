/**
 * The store's Redis scripts; each is atomic. KEYS[1] begins every key, and its hash tag keeps all of them on one slot. An id is a
 * record's kind and the HMAC of its key.
 *
 *   :d:ID    hash of a record: v value, e end, t its tags
 *   :k:KIND  its kind by `at`      :x:ROOM  its room by end      :w:ROOM  its room by the order of writing
 *   :t:TAG   what a tag finds, by `at`
 */
const COMMON = `
local p = KEYS[1]
local function kindOf(id) return string.match(id, '^[^:]+') end
local function keep(key, till)
  if redis.call('PTTL', key) < 0 then redis.call('PEXPIREAT', key, till)
  else redis.call('PEXPIREAT', key, till, 'GT') end
end
local function isLive(id, now)
  local e = redis.call('HGET', p .. ':d:' .. id, 'e')
  return e and tonumber(e) > now
end
local function live(tag, now)
  local found = {}
  for _, id in ipairs(redis.call('ZRANGE', p .. ':t:' .. tag, 0, -1)) do
    if isLive(id, now) then found[#found + 1] = id end
  end
  return found
end
`

/** ARGV[1]: the change as JSON, with names and tags as ids. Returns 1 if it was made, else 0. */
export const COMMIT = `${COMMON}
local c = cjson.decode(ARGV[1])
local late = 86400000
local function drop(id, room)
  local d = p .. ':d:' .. id
  local tags = redis.call('HGET', d, 't')
  if tags then
    for tag in string.gmatch(tags, '[^ ]+') do redis.call('ZREM', p .. ':t:' .. tag, id) end
  end
  redis.call('DEL', d)
  redis.call('ZREM', p .. ':k:' .. kindOf(id), id)
  redis.call('ZREM', p .. ':x:' .. room, id)
  redis.call('ZREM', p .. ':w:' .. room, id)
end
for _, w in ipairs(c.when) do
  if w.tag then
    if #live(w.tag, c.now) ~= w.count then return 0 end
  else
    local v = false
    if isLive(w.id, c.now) then v = redis.call('HGET', p .. ':d:' .. w.id, 'v') end
    if w.value == cjson.null then w.value = false end
    if v ~= w.value then return 0 end
  end
end
for _, r in ipairs(c.removeTagged) do
  for _, id in ipairs(live(r.tag, c.now)) do drop(id, r.room) end
end
for _, r in ipairs(c.remove) do drop(r.id, r.room) end
for _, r in ipairs(c.put) do
  drop(r.id, r.room)
  local d = p .. ':d:' .. r.id
  redis.call('HSET', d, 'v', r.value, 'e', r.expires, 't', table.concat(r.tags, ' '))
  redis.call('PEXPIREAT', d, r.expires + late)
  redis.call('ZADD', p .. ':k:' .. kindOf(r.id), r.at, r.id)
  redis.call('ZADD', p .. ':x:' .. r.room, r.expires, r.id)
  redis.call('ZADD', p .. ':w:' .. r.room, redis.call('INCR', p .. ':n'), r.id)
  for _, name in ipairs({ ':k:' .. kindOf(r.id), ':x:' .. r.room, ':w:' .. r.room }) do
    keep(p .. name, r.expires + late)
  end
  for _, tag in ipairs(r.tags) do
    redis.call('ZADD', p .. ':t:' .. tag, r.at, r.id)
    keep(p .. ':t:' .. tag, r.expires + late)
  end
end
for room, max in pairs(c.rooms) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', p .. ':x:' .. room, '-inf', c.now, 'LIMIT', 0, 200)) do
    drop(id, room)
  end
  local surplus = redis.call('ZCARD', p .. ':w:' .. room) - max
  if surplus > 0 then
    for _, id in ipairs(redis.call('ZRANGE', p .. ':w:' .. room, 0, surplus - 1)) do drop(id, room) end
  end
end
return 1
`

/** ARGV: id, now. The value, or nothing. */
export const GET = `${COMMON}
if not isLive(ARGV[1], tonumber(ARGV[2])) then return false end
return redis.call('HGET', p .. ':d:' .. ARGV[1], 'v')
`

/** ARGV: tag, now, limit. The latest values, in order. */
export const FIND = `${COMMON}
local ids = live(ARGV[1], tonumber(ARGV[2]))
local values = {}
for i = math.max(1, #ids - tonumber(ARGV[3]) + 1), #ids do
  values[#values + 1] = redis.call('HGET', p .. ':d:' .. ids[i], 'v')
end
return values
`

/** ARGV: kind, from, until, skip, limit, now. \`at\` and value in turn; expired records have no value. */
export const PAGE = `${COMMON}
local found = redis.call('ZRANGEBYSCORE', p .. ':k:' .. ARGV[1], ARGV[2], ARGV[3], 'WITHSCORES', 'LIMIT', ARGV[4], ARGV[5])
local page = {}
for i = 1, #found, 2 do
  page[#page + 1] = found[i + 1]
  page[#page + 1] = isLive(found[i], tonumber(ARGV[6])) and redis.call('HGET', p .. ':d:' .. found[i], 'v')
end
return page
`

/** ARGV: list, value, max, time to live in ms. */
export const APPEND = `
local key = KEYS[1] .. ':l:' .. ARGV[1]
redis.call('XADD', key, 'MAXLEN', '=', ARGV[3], '*', 'v', ARGV[2])
redis.call('PEXPIRE', key, ARGV[4])
return 1
`

/** ARGV: list, newest id, limit. */
export const RECENT = `
return redis.call('XREVRANGE', KEYS[1] .. ':l:' .. ARGV[1], ARGV[2], '-', 'COUNT', ARGV[3])
`
