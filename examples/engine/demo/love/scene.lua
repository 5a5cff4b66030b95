-- What the demo shows: a table of servers, a list of buddies, a chat. It knows nothing of Relight.
local scene = {
	title = "", account = "", words = "", state = "", footer = "",
	servers = {}, -- { name, map, mode, players, slots, ping (nil: not yet, false: no answer), changed }
	buddies = {}, -- { name, status, online }
	chat = {},    -- { who, text, mine }
	input = "",
}

local colours = {
	back = { 0.075, 0.086, 0.110 }, panel = { 0.106, 0.122, 0.153 }, stripe = { 0.122, 0.141, 0.176 }, head = { 0.145, 0.168, 0.212 },
	text = { 0.878, 0.902, 0.933 }, dim = { 0.545, 0.596, 0.666 }, accent = { 0.365, 0.690, 0.941 }, good = { 0.435, 0.800, 0.510 },
	fair = { 0.902, 0.757, 0.400 }, bad = { 0.898, 0.451, 0.416 }, flash = { 0.365, 0.690, 0.941, 0.22 },
}
local columns = { { "Server", 16 }, { "Map", 236 }, { "Mode", 346 }, { "Players", 410 }, { "Ping", 586, 44 } }
local left, top, listWidth, rowHeight, sideX, sideWidth = 12, 48, 640, 20, 664, 284
local fonts

function scene.load()
	fonts = { title = love.graphics.newFont(20), text = love.graphics.newFont(12), small = love.graphics.newFont(11) }
end

local function put(text, x, y, colour, font, width, align)
	love.graphics.setFont(font or fonts.text)
	love.graphics.setColor(colour)
	if width then love.graphics.printf(text, x, y, width, align) else love.graphics.print(text, x, y) end
end

local function box(x, y, w, h, colour, round)
	love.graphics.setColor(colour)
	love.graphics.rectangle("fill", x, y, w, h, round or 0)
end

-- cut shortens a text to what fits, at a character.
local function cut(text, width, font)
	if font:getWidth(text) <= width then return text end
	while #text > 0 and font:getWidth(text .. "…") > width do text = text:gsub("[%z\1-\127\194-\244][\128-\191]*$", "") end
	return text .. "…"
end

-- serverAt is the server at a place on the screen.
function scene.serverAt(x, y)
	if x < left or x > left + listWidth or y < top + 30 then return nil end
	return scene.servers[1 + math.floor((y - top - 30) / rowHeight)]
end

local function drawServers(height, now)
	box(left, top, listWidth, height, colours.panel, 6)
	box(left, top, listWidth, 26, colours.head, 6)
	for _, column in ipairs(columns) do put(column[1], left + column[2], top + 6, colours.dim, fonts.small, column[3], "right") end
	local y, room = top + 30, math.floor((height - 32) / rowHeight)
	for i, server in ipairs(scene.servers) do
		if i > room then break end
		if i % 2 == 0 then box(left + 4, y, listWidth - 8, rowHeight, colours.stripe) end
		local age = now - (server.changed or now)
		if age < 1 then
			local flash = colours.flash
			box(left + 4, y, listWidth - 8, rowHeight, { flash[1], flash[2], flash[3], flash[4] * (1 - age) })
		end
		put(cut(server.name, 212, fonts.text), left + columns[1][2], y + 3, colours.text)
		put(server.map, left + columns[2][2], y + 3, colours.dim)
		put(server.mode, left + columns[3][2], y + 3, colours.dim)
		local share = server.slots > 0 and math.min(1, server.players / server.slots) or 0
		box(left + 410, y + 7, 96, 7, colours.back, 3)
		if share > 0 then box(left + 410, y + 7, math.max(6, 96 * share), 7, share == 1 and colours.bad or colours.accent, 3) end
		put(server.players .. "/" .. server.slots, left + 516, y + 3, server.players > 0 and colours.text or colours.dim)
		local ping = server.ping
		if ping then
			put(tostring(ping), left + 586, y + 3, ping < 60 and colours.good or ping < 120 and colours.fair or colours.bad, nil, 44, "right")
		else
			put(ping == false and "-" or "…", left + 586, y + 3, colours.dim, nil, 44, "right")
		end
		y = y + rowHeight
	end
end

local function drawSide(height)
	local buddiesHeight = 34 + 20 * math.max(1, #scene.buddies)
	box(sideX, top, sideWidth, buddiesHeight, colours.panel, 6)
	box(sideX, top, sideWidth, 26, colours.head, 6)
	put("Buddies", sideX + 12, top + 6, colours.dim, fonts.small)
	for i, buddy in ipairs(scene.buddies) do
		local y = top + 12 + 20 * i
		love.graphics.setColor(buddy.online and colours.good or colours.dim)
		love.graphics.circle("fill", sideX + 18, y + 8, 4)
		put(buddy.name, sideX + 32, y, colours.text)
		put(cut(buddy.status, 180, fonts.text), sideX + 92, y, colours.dim)
	end
	local y = top + buddiesHeight + 10
	local chatHeight = height - buddiesHeight - 10
	box(sideX, y, sideWidth, chatHeight, colours.panel, 6)
	box(sideX, y, sideWidth, 26, colours.head, 6)
	put("Chat", sideX + 12, y + 6, colours.dim, fonts.small)
	local line = y + 34
	for _, said in ipairs(scene.chat) do
		put(said.who, sideX + 12, line, said.mine and colours.accent or colours.good)
		local indent = said.who == "" and 12 or 62
		local _, wrapped = fonts.text:getWrap(said.text, sideWidth - indent - 14)
		put(said.text, sideX + indent, line, said.who == "" and colours.dim or colours.text, nil, sideWidth - indent - 14)
		line = line + 18 * #wrapped
	end
	box(sideX + 8, y + chatHeight - 32, sideWidth - 16, 24, colours.back, 4)
	if scene.input == "" then
		put("Say something to bob, and Enter", sideX + 16, y + chatHeight - 27, colours.dim)
	else
		put(scene.input .. "|", sideX + 16, y + chatHeight - 27, colours.text)
	end
end

function scene.draw(now)
	local height = love.graphics.getHeight() - top - 40
	love.graphics.clear(colours.back)
	put(scene.title, left, 12, colours.text, fonts.title)
	put(scene.account, 400, 18, colours.accent, nil, love.graphics.getWidth() - 412, "right")
	drawServers(height, now)
	drawSide(height)
	put(scene.state, left, love.graphics.getHeight() - 28, colours.dim)
	put(scene.footer, 400, love.graphics.getHeight() - 28, colours.dim, nil, love.graphics.getWidth() - 412, "right")
end

return scene
