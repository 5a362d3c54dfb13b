-- Consistent hashing: a ring of points, many for each node, so that a node that
-- comes or goes moves only its own share of the keys.
local POINTS_PER_WEIGHT = 160

local chash = {}
chash.__index = chash

-- Whole numbers from text. MD5, since CRC32 puts similar names close together.
local function hash(text)
  local a, b, c, d = ngx.md5_bin(text):byte(1, 4)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

-- nodes: weights by node.
function chash:new(nodes)
  local one = setmetatable({}, self)
  one:reinit(nodes)
  return one
end

function chash:reinit(nodes)
  self.nodes, self.ring = {}, {}
  for node, weight in pairs(nodes) do
    self.nodes[node] = weight
    for i = 1, POINTS_PER_WEIGHT * weight do
      self.ring[#self.ring + 1] = { at = hash(node .. "-" .. i), node = node }
    end
  end
  table.sort(self.ring, function(a, b)
    return a.at < b.at or (a.at == b.at and a.node < b.node)
  end)
end

-- The node of the first point that is not before the key's.
function chash:find(key)
  local ring = self.ring
  if #ring == 0 then return nil end
  local at, low, high = hash(tostring(key)), 1, #ring + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if ring[middle].at < at then low = middle + 1 else high = middle end
  end
  local index = low <= #ring and low or 1
  return ring[index].node, index
end

return chash
