-- The cookies of the current request and its response.
local cookie = {}
cookie.__index = cookie

function cookie:new()
  return setmetatable({}, self)
end

function cookie:get(name)
  for pair in (ngx.var.http_cookie or ""):gmatch("[^;]+") do
    local key, value = pair:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
    if key == name then return value end
  end
  return nil, "no cookie " .. name
end

-- data: key, value, and the attributes of RFC 6265 in small letters.
function cookie:set(data)
  if not data.key or not data.value then return nil, "a cookie has a key and a value" end
  local parts = { data.key .. "=" .. data.value }
  local function attribute(name, value)
    if value then parts[#parts + 1] = value == true and name or name .. "=" .. value end
  end
  attribute("Expires", data.expires)
  attribute("Max-Age", data.max_age)
  attribute("Domain", data.domain)
  attribute("Path", data.path)
  attribute("Secure", data.secure)
  attribute("HttpOnly", data.httponly)
  attribute("SameSite", data.samesite)

  -- The same cookie may be set again when another upstream is tried.
  local all, prefix = {}, data.key .. "="
  local before = ngx.header["Set-Cookie"] or {}
  for _, line in ipairs(type(before) == "table" and before or { before }) do
    if line:sub(1, #prefix) ~= prefix then all[#all + 1] = line end
  end
  all[#all + 1] = table.concat(parts, "; ")
  ngx.header["Set-Cookie"] = all
  return true
end

return cookie
