-- Used by global rate limits alone; see global_throttle.lua.
return { new = function() return nil, "global rate limits are not in this image" end }
