-- Relight for LuaJIT, as in LÖVE. It reads relight.h itself, so there is no second list of functions and numbers to keep.
--
--     local relight = require("relight").load("librelight.so", "relight.h")
--     local session = relight.open("presence_login", "presence_config", { game = "gmtest", domain = "example.net", ... })
--     for event in session:events() do                    -- once a frame
--         if event.type == relight.EV_PRESENCE_MESSAGE then show(relight.text(event.text)) end
--     end
--     session:close()
local ffi = require "ffi"
local relight = {}

-- declare gives ffi.cdef what it understands of the header: no comments, no preprocessor, no inline function. Numbers that
-- are #defined become fields of relight, without the prefix.
local function declare(header)
	header = header:gsub("/%*.-%*/", " "):gsub("\\\r?\n", " "):gsub("#ifdef __cplusplus.-#endif", "")
	for name, value in header:gmatch("#define RELIGHT_([%w_]+)[ \t]+%(?([-%w]+)%)?") do relight[name] = tonumber(value) end
	local high = ffi.abi("32bit") and "; uint32_t %2_high" or ""
	header = header:gsub("[ \t]*#[^\n]*", ""):gsub("RELIGHT_INLINE.-\n}", ""):gsub("typedef [^;\n]*__int%d%d[^;]*;", "")
	header = header:gsub("RELIGHT_POINTER%(([^,]+),%s*([%w_]+)%)", "%1 %2" .. high):gsub("RELIGHT_CALL", "")
	ffi.cdef(header)
end

-- load opens the library. Both arguments are paths; a library's name without a slash is looked for where the system does.
function relight.load(library, header)
	declare(assert(io.open(header, "rb")):read "*a")
	relight.lib = ffi.load(library)
	local version = relight.lib.relight_abi_version()
	if version ~= relight.ABI_VERSION then
		error(("%s has version %d of the interface, %s has %d"):format(library, version, header, relight.ABI_VERSION))
	end
	return relight
end

-- text makes a Lua string of a C one.
relight.text = ffi.string

-- failed is the text of the last error of a handle, 0 for calls without one.
function relight.failed(handle)
	local buffer = ffi.new("char[512]")
	relight.lib.relight_error_text(handle, buffer, 512, nil)
	return ffi.string(buffer)
end

-- fields are the key/value pairs of an event, as a table.
function relight.fields(event)
	local fields = {}
	for i = 0, event.field_count - 1 do fields[ffi.string(event.fields[i].key)] = ffi.string(event.fields[i].value) end
	return fields
end

local session = {}
session.__index = session

-- open calls relight_<what> with a configuration made of a table, and gives a session. What fails is an error.
function relight.open(what, config, values)
	local struct, handle = ffi.new("relight_" .. config), ffi.new("uint64_t[1]")
	struct.size = ffi.sizeof(struct)
	for key, value in pairs(values) do struct[key] = value end -- the table keeps its strings until the library has copied them
	if relight.lib["relight_" .. what](struct, handle) < 0 then error(relight.failed(0), 2) end
	local event = ffi.new("relight_event")
	event.size = ffi.sizeof(event)
	return setmetatable({ handle = handle[0], pending = relight.lib.relight_pending(handle[0]), event = event }, session)
end

-- events goes through what waits. An event and its strings are good until the next one.
function session:events()
	return function()
		if self.pending[0] > 0 and relight.lib.relight_poll(self.handle, self.event) == relight.EVENT then return self.event end
	end
end

-- ask calls relight_<what>(handle, ..., request) and gives the request's number, or nil and the reason.
function session:ask(what, ...)
	local request, arguments = ffi.new("uint64_t[1]"), { ... }
	arguments[#arguments + 1] = request
	if relight.lib["relight_" .. what](self.handle, unpack(arguments)) < 0 then return nil, relight.failed(self.handle) end
	return request[0]
end

function session:close() relight.lib.relight_close(self.handle) end

return relight
