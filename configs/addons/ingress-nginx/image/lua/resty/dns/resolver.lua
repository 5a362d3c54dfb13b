-- Addresses from name servers, by UDP (RFC 1035, RFC 3596).
local resolver = { TYPE_A = 1, TYPE_AAAA = 28 }
resolver.__index = resolver

local CLASS_INTERNET = 1
local RECURSION_DESIRED = 0x0100
local ERRORS = {
  "format error", "server failure", "name error", "not implemented", "refused",
}

local function u16(number)
  return string.char(math.floor(number / 256) % 256, number % 256)
end

local function u16_at(text, at)
  local a, b = text:byte(at, at + 1)
  return a * 256 + b
end

-- options: nameservers, retrans (attempts), timeout (milliseconds).
function resolver:new(options)
  if not options.nameservers or #options.nameservers == 0 then
    return nil, "no nameservers"
  end
  return setmetatable({
    nameservers = options.nameservers,
    attempts = options.retrans or 5,
    timeout = options.timeout or 2000,
  }, self)
end

local function encode(id, name, qtype)
  local labels = {}
  for label in name:gmatch("[^.]+") do
    if #label > 63 then return nil, "a label is too long" end
    labels[#labels + 1] = string.char(#label) .. label
  end
  return u16(id) .. u16(RECURSION_DESIRED) .. u16(1) .. u16(0) .. u16(0) .. u16(0)
    .. table.concat(labels) .. "\0" .. u16(qtype) .. u16(CLASS_INTERNET)
end

-- The place after a name; a pointer to another place ends it.
local function after_name(text, at)
  while true do
    local length = text:byte(at)
    if length == 0 then return at + 1 end
    if length >= 0xc0 then return at + 2 end
    at = at + 1 + length
  end
end

local function address(qtype, data)
  if qtype == resolver.TYPE_A then return table.concat({ data:byte(1, 4) }, ".") end
  local groups = {}
  for i = 1, 15, 2 do groups[#groups + 1] = string.format("%x", u16_at(data, i)) end
  return table.concat(groups, ":")
end

-- Records of the type that was asked for; those on the way to them are skipped.
local function decode(text, qtype)
  local code = u16_at(text, 3) % 16
  if code ~= 0 then
    return { errcode = code, errstr = ERRORS[code] or "unknown" }
  end
  local questions, records = u16_at(text, 5), u16_at(text, 7)
  local at = 13
  for _ = 1, questions do at = after_name(text, at) + 4 end
  local answers = {}
  for _ = 1, records do
    at = after_name(text, at)
    local kind, length = u16_at(text, at), u16_at(text, at + 8)
    local ttl = u16_at(text, at + 4) * 65536 + u16_at(text, at + 6)
    if kind == qtype then
      local data = text:sub(at + 10, at + 9 + length)
      answers[#answers + 1] = { type = kind, ttl = ttl, address = address(kind, data) }
    end
    at = at + 10 + length
  end
  return answers
end

local function ask(server, timeout, id, query)
  local socket = ngx.socket.udp()
  socket:settimeout(timeout)
  local ok, err = socket:setpeername(server, 53)
  local text
  if ok then ok, err = socket:send(query) end
  while ok do
    text, err = socket:receive(4096)
    -- Late answers to other questions may come first.
    if not text or (#text >= 12 and u16_at(text, 1) == id) then break end
  end
  socket:close()
  return text, err
end

-- Records with type, ttl and address, or a table with errcode and errstr.
function resolver:query(name, options)
  local qtype, id = options.qtype or resolver.TYPE_A, math.random(0, 65535)
  local query, err = encode(id, name, qtype)
  if not query then return nil, err end
  for attempt = 1, self.attempts do
    local server = self.nameservers[(attempt - 1) % #self.nameservers + 1]
    local text
    text, err = ask(server, self.timeout, id, query)
    if text then
      -- What is cut short or makes no sense is an error of its sender.
      local ok, answers = pcall(decode, text, qtype)
      if ok then return answers end
      err = "unreadable answer from " .. server
    end
  end
  return nil, err
end

return resolver
