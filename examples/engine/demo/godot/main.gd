# A server list that fills and lives, and a chat line, in Godot 3. It finds the back end in its environment: "make demo" says
# how. With RELIGHT_FRAMES it shows that many frames, or more until all has arrived, saves what it looks like to
# RELIGHT_SCREENSHOT, and exits with 0 if what it checks was there. It runs on Godot's headless server, too.
extends Control

const QUESTION = "Is there room for one more?"
const SECONDS = 40 # for all to arrive, in a test
const SERVERS = 20 # at least, in a test
const DIM = Color(0.545, 0.596, 0.666)

var relight = preload("res://relight.gdns").new()
var number = relight.constants() # of relight.h
var presence = 0
var browser = 0
var buddies = {} # by profile: { name, status, online }
var lines = [] # of the chat
var servers = {} # by id: { name, address, map, mode, players, slots, ping }
var rows = [] # of the table
var words = "" # how it stands with the list
var frame = 0
var spent = 0.0 # microseconds a frame
var frames = int(OS.get_environment("RELIGHT_FRAMES"))
var testing = frames > 0
var said = false
var answered = false
var listed = false
var lives = false
var joining = "" # the address of a server
var joined = false


func _ready():
	$Title.text = "Relight %s in Godot %s" % [relight.version(), Engine.get_version_info().string.split(" ")[0]]
	$Say.connect("text_entered", self, "_on_said")
	$Servers.connect("item_activated", self, "_on_chosen")
	$Servers.set_column_titles_visible(true)
	for i in range(5):
		$Servers.set_column_title(i, ["Server", "Map", "Mode", "Players", "Ping"][i])
		$Servers.set_column_min_width(i, [230, 120, 70, 90, 70][i])
	$Servers.create_item() # the root, which is not shown
	$Account.text = "logging in"
	get_tree().set_auto_accept_quit(false)
	presence = relight.presence_login({
		"game": _env("RELIGHT_GAME"), "addr": _env("RELIGHT_GPCM"), "domain": _env("RELIGHT_DOMAIN"),
		"search_addr": _env("RELIGHT_GPSP"), "login": number.LOGIN_UNIQUENICK, "uniquenick": _env("RELIGHT_NICK"), "password": _env("RELIGHT_PASSWORD"),
		"flags": number.PRESENCE_RECONNECT + number.PRESENCE_FETCH_PROFILES,
	})
	var natneg = _env("RELIGHT_NATNEG").split(",", false)
	browser = relight.browser_open({
		"game": _env("RELIGHT_GAME"), "secret": _env("RELIGHT_SECRET"), "addr": _env("RELIGHT_LIST"), "domain": _env("RELIGHT_DOMAIN"),
		"natneg1": natneg[0] if natneg.size() > 0 else "", "natneg2": natneg[1] if natneg.size() > 1 else "",
		"natneg3": natneg[2] if natneg.size() > 2 else "", "ask_every_ms": 2000,
	})
	if presence == 0 or browser == 0:
		words = relight.error_text(0)


func _process(_delta):
	var before = OS.get_ticks_usec()
	for session in [presence, browser]:
		while true:
			var event = relight.poll(session)
			if event == null:
				break
			if session == presence:
				_handle_presence(event)
			else:
				_handle_browser(event)
	spent = spent * 0.98 + (OS.get_ticks_usec() - before) * 0.02
	$Footer.text = "%d fps · Relight %.3f ms a frame" % [Engine.get_frames_per_second(), spent / 1000]
	if frame % 15 == 0:
		_show_servers()
	frame += 1
	if testing and frame >= frames:
		_finish()


func _handle_presence(event):
	match event.type:
		number.EV_PRESENCE_READY:
			$Account.text = "%s · profile %d · online" % [event.name, event.id]
			relight.presence_set_status(presence, number.STATUS_ONLINE, "Looking for a game")
		number.EV_PRESENCE_BUDDY:
			buddies[event.id] = {
				"name": event.name if event.name != "" else "profile %d" % event.id,
				"status": _status(event), "online": event.status != number.STATUS_OFFLINE,
			}
			_show_buddies()
			if testing and not said and buddies[event.id].online:
				_on_said(QUESTION)
		number.EV_PRESENCE_MESSAGE:
			_chat(buddies[event.id].name if event.id in buddies else event.name, event.text, false)
			answered = answered or said
		number.EV_CLOSED:
			$Account.text = "offline: " + event.text


func _handle_browser(event):
	match event.type:
		number.EV_BROWSER_SERVER:
			servers[event.id] = {
				"name": event.name if event.name != "" else event.address, "address": event.address,
				"map": event.text, "mode": event.fields.get("gametype", ""), "players": event.number, "slots": event.total,
				"ping": event.time if event.code == 0 else 0,
			}
			lives = lives or event.status == 2
		number.EV_BROWSER_REMOVED:
			servers.erase(event.id)
			if event.address == joining: # then a test takes another one
				joining = ""
		number.EV_BROWSER_STATE:
			words = event.text
		number.EV_BROWSER_LISTED:
			listed = true
		number.EV_BROWSER_CONNECTED:
			var ways = { number.PATH_LAN: "over the LAN", number.PATH_DIRECT: "directly", number.PATH_NATNEG: "through NAT negotiation" }
			var name = servers[event.id].name if event.id in servers else "a server"
			_note("Way to %s: %s, found in %d ms" % [name, ways[event.status], event.total])
			joined = true
			relight.close(event.number) # here a game would begin to play on that socket
		number.EV_FAILED, number.EV_CLOSED:
			_note(event.text)
			joining = ""


# Where most people play comes first.
func _more_players(a, b):
	if a.players != b.players:
		return a.players > b.players
	return a.address < b.address if a.name == b.name else a.name < b.name


func _show_servers():
	var sorted = servers.values()
	sorted.sort_custom(self, "_more_players")
	var players = 0
	while rows.size() < sorted.size():
		rows.append($Servers.create_item())
	while rows.size() > sorted.size():
		rows.pop_back().free()
	for i in range(sorted.size()):
		var server = sorted[i]
		var item = rows[i]
		players += server.players
		var texts = [server.name, server.map, server.mode, "%d/%d" % [server.players, server.slots], str(server.ping) if server.ping > 0 else "-"]
		for column in range(5):
			item.set_text(column, texts[column])
			item.set_custom_color(column, DIM)
		item.set_custom_color(0, Color(0.878, 0.902, 0.933))
		item.set_text_align(3, TreeItem.ALIGN_RIGHT)
		item.set_text_align(4, TreeItem.ALIGN_RIGHT)
		if server.players > 0:
			item.set_custom_color(3, Color(0.365, 0.69, 0.941))
		if server.ping > 0:
			item.set_custom_color(4, Color(0.435, 0.8, 0.51) if server.ping < 60 else Color(0.902, 0.757, 0.4) if server.ping < 120 else Color(0.898, 0.451, 0.416))
		item.set_metadata(0, server.address)
	$State.text = "%d servers, %d players · %s" % [servers.size(), players, words]


func _on_chosen():
	_join($Servers.get_selected().get_metadata(0))


# Looks for a way to a server.
func _join(address):
	if relight.browser_connect(browser, address) < 0:
		_note(relight.error_text(browser))


func _status(event):
	var words = {
		number.STATUS_OFFLINE: "Offline", number.STATUS_ONLINE: "Online", number.STATUS_PLAYING: "Playing",
		number.STATUS_STAGING: "Staging", number.STATUS_CHATTING: "Chatting", number.STATUS_AWAY: "Away",
	}
	return words.get(event.status, "Online") + (": " + event.text if event.text != "" else "")


func _show_buddies():
	$Buddies.bbcode_text = "[color=#8b98aa]Buddies[/color]"
	for buddy in buddies.values():
		$Buddies.bbcode_text += "\n[color=%s]%s[/color]  [color=#8b98aa]%s[/color]" % ["#6fcc82" if buddy.online else "#8b98aa", buddy.name, _plain(buddy.status)]


func _chat(who, text, mine):
	_line("[color=%s]%s[/color]  %s" % ["#5db0f0" if mine else "#6fcc82", who, _plain(text)])


func _note(text):
	_line("[color=#8b98aa]%s[/color]" % _plain(text))


func _line(text):
	lines.append(text)
	$Chat.bbcode_text = "[color=#8b98aa]Chat[/color]\n" + PoolStringArray(lines).join("\n")


# What strangers write is no markup.
func _plain(text):
	return text.replace("[", "(").replace("]", ")")


func _on_said(text):
	$Say.clear()
	for profile in buddies:
		var result = relight.presence_send_message(presence, profile, text)
		_chat(_env("RELIGHT_NICK"), text if result == 0 else relight.error_text(presence), true)
		said = said or result == 0
		return


# Checks what a test wants to see, once there were enough frames.
func _finish():
	var missing = []
	var answering = 0
	for server in servers.values():
		answering += 1 if server.ping > 0 else 0
	if not listed or answering < SERVERS:
		missing.append("%d servers in the list that answer" % SERVERS)
	if not lives:
		missing.append("change in the list")
	if not answered:
		missing.append("answer in the chat")
	elif servers and joining == "":
		joining = servers.values()[0].address
		_join(joining)
	if not joined:
		missing.append("way to a server")
	if missing and frame < SECONDS * 60:
		return
	testing = false
	if missing:
		printerr("after %d frames there is no %s: %s" % [frame, PoolStringArray(missing).join(", nor "), words])
		return _quit(1)
	if OS.get_name() != "Server" and _env("RELIGHT_SCREENSHOT") != "":
		yield(VisualServer, "frame_post_draw")
		var image = get_viewport().get_texture().get_data()
		image.flip_y()
		image.save_png(_env("RELIGHT_SCREENSHOT"))
	print("%d frames, %d servers, %d lines of chat" % [frame, servers.size(), lines.size()])
	_quit(0)


func _notification(what):
	if what == MainLoop.NOTIFICATION_WM_QUIT_REQUEST:
		_quit(0)


func _quit(status):
	relight.close(presence)
	relight.close(browser)
	relight.shutdown(2000) # logs out before the process ends
	get_tree().quit(status)


func _env(name):
	return OS.get_environment(name)
