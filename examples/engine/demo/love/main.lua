-- A server list that fills and lives, and a chat line, drawn by LÖVE. It finds the library and the back end in its
-- environment: "make demo" says how. With RELIGHT_FRAMES it shows that many frames, or more until all has arrived, saves what
-- it looks like to RELIGHT_SCREENSHOT, and exits with 0 if what it checks was there.
local ffi = require "ffi"
local scene = require "scene"
local here = love.filesystem.getSource()
local env = os.getenv
local question = "Is there room for one more?"
local relight, presence, browser
local frame, spent, buddies, servers = 0, 0, {}, {}
local due = love.timer.getTime() -- when the next frame begins
local test = { frames = tonumber(env "RELIGHT_FRAMES"), seconds = 40, servers = 20 }

local function status(event)
	local words = { [relight.STATUS_OFFLINE] = "Offline", [relight.STATUS_PLAYING] = "Playing", [relight.STATUS_STAGING] = "Staging",
		[relight.STATUS_CHATTING] = "Chatting", [relight.STATUS_AWAY] = "Away" }
	local text = relight.text(event.text)
	return (words[event.status] or "Online") .. (text ~= "" and ": " .. text or "")
end

-- say sends a line to the buddy and shows it.
local function say(text)
	local bob = scene.buddies[1]
	local request, why = nil, "nobody is on the list"
	if bob then request, why = presence:ask("presence_send_message", bob.id, text) end
	table.insert(scene.chat, request and { who = env "RELIGHT_NICK", text = text, mine = true } or { who = "", text = why })
	return request
end

-- order sorts the list: where most people play comes first. It tells how many there are.
local function order()
	local players = 0
	for _, server in pairs(servers) do players = players + server.players end
	table.sort(scene.servers, function(a, b)
		if a.players ~= b.players then return a.players > b.players end
		return a.name == b.name and a.address < b.address or a.name < b.name
	end)
	return players
end

local on = {} -- what is done with each type of event

local function handlePresence()
	on[relight.EV_PRESENCE_STATE] = function(event)
		if event.status == relight.STEP_RECONNECTING then scene.account = "connection lost: " .. relight.text(event.text) end
	end
	on[relight.EV_PRESENCE_READY] = function(event)
		scene.account = ("%s · profile %d · online"):format(relight.text(event.name), tonumber(event.id))
		presence:ask("presence_set_status", relight.STATUS_ONLINE, "Looking for a game", "")
	end
	on[relight.EV_PRESENCE_BUDDY] = function(event)
		local id = tonumber(event.id)
		if not buddies[id] then
			buddies[id] = { id = event.id }
			table.insert(scene.buddies, buddies[id])
		end
		local buddy = buddies[id]
		buddy.name, buddy.status, buddy.online = relight.text(event.name), status(event), event.status ~= relight.STATUS_OFFLINE
		if buddy.name == "" then buddy.name = "profile " .. id end
		if test.frames and buddy.online and not test.said then test.said = say(question) end
	end
	on[relight.EV_PRESENCE_MESSAGE] = function(event)
		local buddy = buddies[tonumber(event.id)]
		table.insert(scene.chat, { who = buddy and buddy.name or relight.text(event.name), text = relight.text(event.text) })
		test.answered = test.said
	end
	on[relight.EV_CLOSED] = function(event)
		if event.handle == presence.handle then scene.account = "offline" end
		scene.words = relight.text(event.text)
	end
end


local function handleBrowser()
	on[relight.EV_BROWSER_SERVER] = function(event)
		local id, fields = tonumber(event.id), relight.fields(event)
		local server = servers[id]
		if not server then
			server = { address = relight.text(event.address) }
			servers[id] = server
			table.insert(scene.servers, server)
		end
		local players = tonumber(event.number)
		if server.players ~= players then server.changed = love.timer.getTime() end
		server.name, server.map, server.mode = relight.text(event.name), relight.text(event.text), fields.gametype or ""
		server.players, server.slots = players, tonumber(event.total)
		server.ping = event.code ~= relight.OK and false or event.time > 0 and tonumber(event.time) or nil
		if server.name == "" then server.name = server.address end
		test.lives = test.lives or event.status == 2
	end
	on[relight.EV_BROWSER_REMOVED] = function(event)
		local gone = servers[tonumber(event.id)]
		servers[tonumber(event.id)] = nil
		if gone == test.joining then test.joining = nil end -- then a test takes another one
		for i, server in ipairs(scene.servers) do
			if server == gone then return table.remove(scene.servers, i) end
		end
	end
	on[relight.EV_BROWSER_STATE] = function(event) scene.words = relight.text(event.text) end
	on[relight.EV_BROWSER_LISTED] = function() test.listed = true end
	on[relight.EV_BROWSER_CONNECTED] = function(event)
		local ways = { [relight.PATH_LAN] = "over the LAN", [relight.PATH_DIRECT] = "directly", [relight.PATH_NATNEG] = "through NAT negotiation" }
		local server = servers[tonumber(event.id)]
		local text = ("Way to %s: %s, found in %d ms"):format(server and server.name or "a server", ways[event.status], tonumber(event.total))
		table.insert(scene.chat, { who = "", text = text })
		test.joined = true
		relight.lib.relight_close(ffi.cast("uint64_t", event.number)) -- here a game would begin to play on that socket
	end
	on[relight.EV_FAILED] = function(event)
		table.insert(scene.chat, { who = "", text = relight.text(event.text) })
		test.joining = nil
	end
end

-- join looks for a way to a server.
local function join(server)
	local own = ffi.new("uint64_t[1]")
	local request, why = browser:ask("browser_connect", server.address, 0, own)
	if not request then table.insert(scene.chat, { who = "", text = why }) end
end

function love.load()
	scene.load()
	scene.account = "logging in"
	relight = require("relight").load(env "RELIGHT_LIBRARY" or here .. "/../../build/librelight.so", env "RELIGHT_HEADER" or here .. "/../../relight.h")
	scene.title = "Relight " .. relight.text(relight.lib.relight_version()) .. " in LÖVE"
	handlePresence()
	handleBrowser()
	presence = relight.open("presence_login", "presence_config", {
		game = env "RELIGHT_GAME" or "gmtest", addr = env "RELIGHT_GPCM", domain = env "RELIGHT_DOMAIN",
		login = relight.LOGIN_UNIQUENICK, uniquenick = env "RELIGHT_NICK", password = env "RELIGHT_PASSWORD",
		search_addr = env "RELIGHT_GPSP", flags = relight.PRESENCE_RECONNECT + relight.PRESENCE_FETCH_PROFILES,
	})
	local natneg = {}
	for address in (env "RELIGHT_NATNEG" or ""):gmatch "[^,]+" do table.insert(natneg, address) end
	browser = relight.open("browser_open", "browser_config", {
		game = env "RELIGHT_GAME" or "gmtest", secret = env "RELIGHT_SECRET", addr = env "RELIGHT_LIST", domain = env "RELIGHT_DOMAIN",
		natneg1 = natneg[1], natneg2 = natneg[2], natneg3 = natneg[3], ask_every_ms = 2000,
	})
end

-- finish checks what a test wants to see, once there were enough frames.
local function finish()
	local missing = {}
	local answering = 0
	for _, server in ipairs(scene.servers) do answering = answering + (server.ping and 1 or 0) end
	if not test.listed or answering < test.servers then table.insert(missing, test.servers .. " servers in the list that answer") end
	if not test.lives then table.insert(missing, "change in the list") end
	if not test.answered then table.insert(missing, "answer in the chat") end
	if test.answered and not test.joining and #scene.servers > 0 then
		test.joining = scene.servers[1]
		join(test.joining)
	end
	if not test.joined then table.insert(missing, "way to a server") end
	if #missing > 0 and frame < test.seconds * 60 then return end
	if #missing > 0 then
		io.stderr:write("after ", frame, " frames there is no ", table.concat(missing, ", nor "), ": ", scene.words, "\n")
		return love.event.quit(1)
	end
	test.frames = nil
	love.graphics.captureScreenshot(function(image)
		local path = env "RELIGHT_SCREENSHOT"
		if path then
			local file = assert(io.open(path, "wb"))
			file:write(image:encode("png"):getString())
			file:close()
		end
		print(("%d frames, %d servers, %d lines of chat"):format(frame, #scene.servers, #scene.chat))
		love.event.quit(0)
	end)
end

function love.update()
	love.timer.sleep(due - love.timer.getTime())
	local before = love.timer.getTime()
	due = math.max(due + 1 / 60, before)
	for _, session in ipairs { presence, browser } do
		for event in session:events() do
			local handle = on[event.type]
			if handle then handle(event) end
		end
	end
	scene.state = ("%d servers, %d players · %s"):format(#scene.servers, order(), scene.words)
	spent = spent * 0.98 + (love.timer.getTime() - before) * 0.02
	scene.footer = ("%d fps · Relight %.3f ms a frame"):format(love.timer.getFPS(), spent * 1000)
	frame = frame + 1
	if test.frames and frame >= test.frames then finish() end
end

function love.draw() scene.draw(love.timer.getTime()) end

function love.mousepressed(x, y)
	local server = scene.serverAt(x, y)
	if server then join(server) end
end

function love.textinput(text) scene.input = scene.input .. text end

function love.keypressed(key)
	if key == "escape" then
		love.event.quit()
	elseif key == "backspace" then
		scene.input = scene.input:gsub("[%z\1-\127\194-\244][\128-\191]*$", "")
	elseif key == "return" and scene.input ~= "" then
		say(scene.input)
		scene.input = ""
	end
end

-- A test ends with its first error, instead of showing it.
if test.frames then
	function love.errorhandler(message)
		io.stderr:write(debug.traceback(tostring(message), 2), "\n")
		return function() return 1 end
	end
end

function love.quit()
	presence:close()
	browser:close()
	relight.lib.relight_shutdown(2000) -- logs out before the process ends
end
