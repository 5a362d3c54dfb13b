-- Only OCSP stapling asks for it, which this image cannot do.
local http = {}
http.__index = http

function http.new() return setmetatable({}, http) end
function http:set_timeout() end
function http:parse_uri() return nil, "OCSP stapling is not in this image" end

return http
