-- A lock between nginx workers: an entry in a shared dictionary.
local lock = {}
lock.__index = lock

-- options, all in seconds: timeout to wait, exptime after which it frees itself,
-- step between attempts.
function lock:new(dictionary, options)
  local shared = ngx.shared[dictionary]
  if not shared then return nil, "dictionary not found" end
  options = options or {}
  return setmetatable({
    shared = shared,
    timeout = options.timeout or 5,
    exptime = options.exptime or 30,
    step = options.step or 0.001,
  }, self)
end

-- Seconds waited; nil and "timeout" when somebody else holds it.
function lock:lock(key)
  if self.key then return nil, "locked" end
  local waited = 0
  while true do
    local added, err = self.shared:add(key, true, self.exptime)
    if added then
      self.key = key
      return waited
    end
    if err ~= "exists" then return nil, err end
    if waited >= self.timeout then return nil, "timeout" end
    ngx.sleep(self.step)
    waited = waited + self.step
  end
end

function lock:unlock()
  if not self.key then return nil, "unlocked" end
  self.shared:delete(self.key)
  self.key = nil
  return 1
end

return lock
