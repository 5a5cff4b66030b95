-- A server list that fills and lives, and a chat line, drawn by LÖVE. It finds the library and the back end in its
-- environment: "make demo" says how. With RELIGHT_FRAMES it shows that many frames, or more until all has arrived, saves what
-- it looks like to RELIGHT_SCREENSHOT, and exits with 0 if what it checks was there.
local ffi = require "ffi"
local scene = require "scene"
local here = love.filesystem.getSource()
local env = os.getenv
local question = "Is there room for one more?"
local relight, presence, browser
local frame, spent, buddies = 0, 0, {}
local test = { frames = tonumber(env "RELIGHT_FRAMES"), seconds = 20 }

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

local on = {} -- what is done with each type of event of presence

local function handlePresence()
	on[relight.EV_PRESENCE_STATE] = function(event)
		if event.status ~= relight.STEP_CONNECTED then scene.account = "logging in" end
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
		scene.account = "offline"
		scene.state = relight.text(event.text)
	end
end


function love.load()
	scene.load()
	relight = require("relight").load(env "RELIGHT_LIBRARY" or here .. "/../../build/librelight.so", env "RELIGHT_HEADER" or here .. "/../../relight.h")
	scene.title = "Relight " .. relight.text(relight.lib.relight_version()) .. " in LÖVE"
	handlePresence()
	presence = relight.open("presence_login", "presence_config", {
		game = env "RELIGHT_GAME" or "gmtest", addr = env "RELIGHT_GPCM", domain = env "RELIGHT_DOMAIN",
		login = relight.LOGIN_UNIQUENICK, uniquenick = env "RELIGHT_NICK", password = env "RELIGHT_PASSWORD",
		flags = relight.PRESENCE_RECONNECT + relight.PRESENCE_FETCH_PROFILES,
	})
end

-- finish checks what a test wants to see, once there were enough frames.
local function finish()
	local missing = {}
	if not test.answered then table.insert(missing, "an answer in the chat") end
	if #missing > 0 and frame < test.seconds * 60 then return end
	if #missing > 0 then
		io.stderr:write("after ", frame, " frames there is no ", table.concat(missing, ", nor "), ": ", scene.state, "\n")
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

function love.update(dt)
	love.timer.sleep(1 / 60 - dt % (1 / 60))
	local before = love.timer.getTime()
	for event in presence:events() do
		local handle = on[event.type]local handle = on[event.type]
		if handle then handle(event) end
	end
	spent = spent * 0.98 + (love.timer.getTime() - before) * 0.02
	scene.footer = ("%d fps · Relight %.3f ms a frame"):format(love.timer.getFPS(), spent * 1000)
	frame = frame + 1
	if test.frames and frame >= test.frames then finish() end
end

function love.draw() scene.draw(love.timer.getTime()) end

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
	relight.lib.relight_shutdown(2000) -- logs out before the process ends
end
