-- Rate limits shared by several controllers need memcached and are not in this
-- image; without the setting global-rate-limit-memcached-host nothing asks.
return { new = function() return nil, "global rate limits are not in this image" end }
