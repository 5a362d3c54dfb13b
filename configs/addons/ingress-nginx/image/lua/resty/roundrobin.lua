-- Weighted round robin: every node gets its share, evenly mixed.
local roundrobin = {}
roundrobin.__index = roundrobin

-- nodes: weights by node.
function roundrobin:new(nodes)
  local one = setmetatable({}, self)
  one:reinit(nodes)
  return one
end

function roundrobin:reinit(nodes)
  self.nodes, self.order, self.credit, self.total = {}, {}, {}, 0
  for node, weight in pairs(nodes) do
    self.nodes[node], self.credit[node] = weight, 0
    self.order[#self.order + 1] = node
    self.total = self.total + weight
  end
  table.sort(self.order)
  -- Workers must not all begin with the same node.
  for _ = 1, math.random(0, math.max(#self.order - 1, 0)) do self:find() end
end

-- Everybody earns their weight; who has most pays for all.
function roundrobin:find()
  local best
  for _, node in ipairs(self.order) do
    self.credit[node] = self.credit[node] + self.nodes[node]
    if not best or self.credit[node] > self.credit[best] then best = node end
  end
  if best then self.credit[best] = self.credit[best] - self.total end
  return best
end

return roundrobin
