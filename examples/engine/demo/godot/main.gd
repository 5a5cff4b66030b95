# A server list that fills and lives, and a chat line, in Godot 3. It finds the back end in its environment: "make demo" says
# how. With RELIGHT_FRAMES it shows that many frames, or more until all has arrived, saves what it looks like to
# RELIGHT_SCREENSHOT, and exits with 0 if what it checks was there. It runs on Godot's headless server, too.
extends Control

const QUESTION = "Is there room for one more?"
const SECONDS = 20 # for all to arrive, in a test

var relight = preload("res://relight.gdns").new()
var number = relight.constants() # of relight.h
var presence = 0
var buddies = {} # by profile: { name, status, online }
var lines = [] # of the chat
var servers = {}
var frame = 0
var spent = 0.0 # microseconds a frame
var frames = int(OS.get_environment("RELIGHT_FRAMES"))
var testing = frames > 0
var said = false
var answered = false


func _ready():
	$Title.text = "Relight %s in Godot %s" % [relight.version(), Engine.get_version_info().string.split(" ")[0]]
	$Say.connect("text_entered", self, "_on_said")
	get_tree().set_auto_accept_quit(false)
	presence = relight.presence_login({
		"game": _env("RELIGHT_GAME"), "addr": _env("RELIGHT_GPCM"), "domain": _env("RELIGHT_DOMAIN"),
		"login": number.LOGIN_UNIQUENICK, "uniquenick": _env("RELIGHT_NICK"), "password": _env("RELIGHT_PASSWORD"),
		"flags": number.PRESENCE_RECONNECT + number.PRESENCE_FETCH_PROFILES,
	})
	if presence == 0:
		$State.text = relight.error_text(0)


func _process(_delta):
	var before = OS.get_ticks_usec()
	while true:
		var event = relight.poll(presence)
		if event == null:
			break
		_handle_presence(event)
	spent = spent * 0.98 + (OS.get_ticks_usec() - before) * 0.02
	$Footer.text = "%d fps · Relight %.3f ms a frame" % [Engine.get_frames_per_second(), spent / 1000]
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
			$Account.text = "offline"
			$State.text = event.text


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
	lines.append("[color=%s]%s[/color]  %s" % ["#5db0f0" if mine else "#6fcc82", who, _plain(text)])
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
	if not answered:
		missing.append("an answer in the chat")
	if missing and frame < SECONDS * 60:
		return
	testing = false
	if missing:
		printerr("after %d frames there is no %s: %s" % [frame, PoolStringArray(missing).join(", nor "), $State.text])
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
	relight.shutdown(2000) # logs out before the process ends
	get_tree().quit(status)


func _env(name):
	return OS.get_environment(name)
